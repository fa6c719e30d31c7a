"""Asks for an attribute that is not among its `reads`."""

from __future__ import annotations

from crmcore.hooks.gate import Verdict
from tests.testing import test_gate_suite as sound

BREAKS = "test_it_reads_what_it_has_declared"


class Curious(sound.Curfew):
    def verdict(self, one, now):
        if one.attributes.get("salary"):
            return Verdict(delivery_id=one.delivery_id, reason="rich")
        return super().verdict(one, now)


class TestCurious(sound.TestCurfew):
    def gate(self):
        return Curious()
