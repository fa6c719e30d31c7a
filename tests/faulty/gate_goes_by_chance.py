"""Draws lots for whom it lets pass."""

from __future__ import annotations

import random

from crmcore.hooks.gate import Verdict
from tests.testing import test_gate_suite as sound

BREAKS = "test_the_same_intents_get_the_same_verdicts"


class Moody(sound.Curfew):
    def verdict(self, one, now):
        if one.attributes.get("night"):
            return Verdict(delivery_id=one.delivery_id, retry_at=now + random.randrange(1, sound.HOUR))
        return super().verdict(one, now)


class TestMoody(sound.TestCurfew):
    def gate(self):
        return Moody()

    singly = False
