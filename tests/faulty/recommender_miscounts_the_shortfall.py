"""Says that nothing is missing."""

from __future__ import annotations

import attrs

from crmcore.testing.tally import Tally
from tests.testing import test_recommender_suite as sound

BREAKS = "test_the_shortfall_is_what_is_missing"


class Content(Tally):
    def recommend(self, model, requests, *, now):
        return [attrs.evolve(one, shortfall=0) for one in super().recommend(model, requests, now=now)]


class TestContent(sound.OfTally):
    made = Content
