"""Counts what it stops among what the core's own gates stop."""

from __future__ import annotations

from crmcore.hooks.gate import Verdict
from tests.testing import test_gate_suite as sound

BREAKS = "test_reasons_and_times_have_their_form"


class Posing(sound.Curfew):
    def verdict(self, one, now):
        if one.attributes.get("staff"):
            return Verdict(delivery_id=one.delivery_id, reason="suppressed")
        return super().verdict(one, now)


class TestPosing(sound.TestCurfew):
    def gate(self):
        return Posing()
