"""Scores by how many are asked about at once."""

from __future__ import annotations

import attrs

from crmcore.testing.tally import Tally
from tests.testing import test_recommender_suite as sound

BREAKS = "test_a_batch_answers_as_one_by_one"


class Sociable(Tally):
    def recommend(self, model, requests, *, now):
        size = len(requests)
        return [
            attrs.evolve(one, items=tuple(attrs.evolve(each, score=each.score * size) for each in one.items))
            for one in super().recommend(model, requests, now=now)
        ]


class TestSociable(sound.OfTally):
    made = Sociable
