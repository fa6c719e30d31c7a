"""Has a threshold that is another one every other day, by the machine's clock."""

from __future__ import annotations

import time

from tests.testing import test_step_suite as sound

BREAKS = "test_the_same_enrolments_get_the_same_transitions"


class Clockbound(sound.LeadScore):
    def advance(self, due, settings, *, now):
        later = {**settings, "least": settings["least"] + time.time() // 86_400 % 2}
        return super().advance(due, later, now=now)


class TestClockbound(sound.TestLeadScore):
    def step(self):
        return Clockbound()
