"""Scores by the machine's day."""

from __future__ import annotations

import time

import attrs

from crmcore.hooks.recommender import Reasons
from crmcore.testing.tally import Tally
from tests.testing import test_recommender_suite as sound

BREAKS = "test_it_reads_no_clock"


class Daily(Tally):
    def recommend(self, model, requests, *, now):
        return [
            attrs.evolve(one, items=tuple(attrs.evolve(each, score=each.score + self.day()) for each in one.items))
            for one in super().recommend(model, requests, now=now)
        ]

    def explain(self, model, request, item):
        return Reasons(parts={**super().explain(model, request, item).parts, "day": self.day()})

    def day(self):
        return float(time.time() // 86_400 % 1024)


class TestDaily(sound.OfTally):
    made = Daily
