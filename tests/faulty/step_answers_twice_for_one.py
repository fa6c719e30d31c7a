"""Says twice of an enrolment that is alone in its batch where it goes."""

from __future__ import annotations

from tests.testing import test_step_suite as sound

BREAKS = "test_every_enrolment_has_one_transition"


class Doubling(sound.LeadScore):
    def advance(self, due, settings, *, now):
        return super().advance([*due, *due] if len(due) == 1 else due, settings, now=now)


class TestDoubling(sound.TestLeadScore):
    singly = False

    def step(self):
        return Doubling()
