"""Notes in the model when it was asked last."""

from __future__ import annotations

from crmcore.testing.tally import Tally
from tests.testing import test_recommender_suite as sound

BREAKS = "test_a_model_stays_as_it_is"


class Noting(Tally):
    def recommend(self, model, requests, *, now):
        object.__setattr__(model, "as_of", max(model.as_of, now))
        return super().recommend(model, requests, now=now)


class TestNoting(sound.OfTally):
    made = Noting
