"""Lets the first ten of a batch pass, whoever they are."""

from __future__ import annotations

import attrs

from tests.testing import test_gate_suite as sound

BREAKS = "test_neighbours_and_order_do_not_matter"


class Rationing(sound.Curfew):
    def judge(self, intents, *, now):
        said = super().judge(intents, now=now)
        return [attrs.evolve(one, reason="late", retry_at=None) if n >= 10 else one for n, one in enumerate(said)]


class TestRationing(sound.TestCurfew):
    def gate(self):
        return Rationing()
