"""Takes half a millisecond for each message."""

from __future__ import annotations

import time

from tests.testing import test_gate_suite as sound

BREAKS = "test_it_answers_in_time"


class Slow(sound.Curfew):
    def verdict(self, one, now):
        time.sleep(0.0005)
        return super().verdict(one, now)


class TestSlow(sound.TestCurfew):
    def gate(self):
        return Slow()

    budget = 0.2
