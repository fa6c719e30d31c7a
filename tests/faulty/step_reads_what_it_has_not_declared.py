"""Asks for an attribute that is not among its `reads`."""

from __future__ import annotations

from crmcore.hooks.step import Transition
from tests.testing import test_step_suite as sound

BREAKS = "test_it_reads_what_it_has_declared"


class Curious(sound.LeadScore):
    def transition(self, one, settings, now):
        if one.attributes.get("salary"):
            return Transition(enrolment_id=one.enrolment_id, to="hot")
        return super().transition(one, settings, now)


class TestCurious(sound.TestLeadScore):
    def step(self):
        return Curious()
