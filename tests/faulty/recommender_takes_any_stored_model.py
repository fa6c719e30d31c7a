"""Takes a stored model that it cannot read for an empty one."""

from __future__ import annotations

from crmcore.errors import IncompatibleModel
from crmcore.testing.tally import Tallied, Tally
from tests.testing import test_recommender_suite as sound

BREAKS = "test_a_stored_model_that_is_not_sound_is_refused"


class Trusting(Tally):
    def load(self, stored):
        try:
            return super().load(stored)
        except IncompatibleModel:
            return Tallied(as_of=0, items=(), counts={})


class TestTrusting(sound.OfTally):
    made = Trusting
