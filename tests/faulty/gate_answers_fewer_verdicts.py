"""Says nothing of a message that stands alone: it has nobody to share its quota with."""

from __future__ import annotations

from tests.testing import test_gate_suite as sound

BREAKS = "test_every_intent_has_one_verdict"


class Sharing(sound.Curfew):
    def judge(self, intents, *, now):
        return super().judge(intents, now=now) if len(intents) > 1 else []


class TestSharing(sound.TestCurfew):
    def gate(self):
        return Sharing()

    singly = False
