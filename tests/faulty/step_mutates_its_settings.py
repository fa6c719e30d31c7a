"""Leaves a note in its settings, well inside."""

from __future__ import annotations

from tests.testing import test_step_suite as sound

BREAKS = "test_enrolments_and_settings_stay_as_they_are"


class Settling(sound.LeadScore):
    def advance(self, due, settings, *, now):
        settings["zones"].append("uk")
        return super().advance(due, settings, now=now)


class TestSettling(sound.TestLeadScore):
    def step(self):
        return Settling()
