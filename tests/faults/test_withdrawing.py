"""Nobody who has withdrawn is sent to: no delivery is handed over once a withdrawal has committed, workers running."""

from __future__ import annotations

import random

from tests.faults.withdrawing import race

TRIALS = 40


def test_nothing_is_handed_over_after_a_withdrawal(ground):
    raced = race(ground, TRIALS, random.Random(5))
    assert (raced.late, raced.arrived, raced.deaths) == (0, 0, ())
    assert raced.trials == TRIALS
    assert raced.claimed > 0
