"""Says in seconds until when a customer with a score is to wait."""

from __future__ import annotations

import attrs

from tests.testing import test_step_suite as sound

BREAKS = "test_words_and_times_have_their_form"


class InSeconds(sound.LeadScore):
    def transition(self, one, settings, now):
        said = super().transition(one, settings, now)
        known = one.attributes.get("score") is not None
        return attrs.evolve(said, due_at=said.due_at // 1_000_000) if known and said.due_at else said


class TestInSeconds(sound.TestLeadScore):
    def step(self):
        return InSeconds()
