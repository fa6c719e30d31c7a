"""Leaves a note in the attributes of the messages it is asked about."""

from __future__ import annotations

from tests.testing import test_gate_suite as sound

BREAKS = "test_intents_stay_as_they_are"


class Meddling(sound.Curfew):
    def verdict(self, one, now):
        if isinstance(one.attributes, dict):
            one.attributes["judged"] = True
        return super().verdict(one, now)


class TestMeddling(sound.TestCurfew):
    def gate(self):
        return Meddling()
