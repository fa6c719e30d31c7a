"""Raises where a customer is not known."""

from __future__ import annotations

from crmcore.testing.tally import Tally
from tests.testing import test_recommender_suite as sound

BREAKS = "test_whoever_asks_is_answered"


class Shy(Tally):
    def recommend(self, model, requests, *, now):
        assert all(one.customer in model.counts for one in requests)
        return super().recommend(model, requests, now=now)


class TestShy(sound.OfTally):
    made = Shy
