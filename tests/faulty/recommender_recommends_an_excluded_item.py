"""Recommends what the request excludes."""

from __future__ import annotations

import attrs

from crmcore.testing.tally import Tally
from tests.testing import test_recommender_suite as sound

BREAKS = "test_what_may_not_be_recommended_is_not"


class Headstrong(Tally):
    def recommend(self, model, requests, *, now):
        return super().recommend(model, [attrs.evolve(one, exclude=frozenset()) for one in requests], now=now)


class TestHeadstrong(sound.OfTally):
    made = Headstrong
