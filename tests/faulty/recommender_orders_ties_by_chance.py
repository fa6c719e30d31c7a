"""Puts items of one score in the order of a draw."""

from __future__ import annotations

import random

import attrs

from crmcore.testing.tally import Tally
from tests.testing import test_recommender_suite as sound

BREAKS = "test_the_best_come_first_and_ties_go_by_id"


class Drawing(Tally):
    def recommend(self, model, requests, *, now):
        whole = [attrs.evolve(one, k=len(model.items)) for one in requests]
        answers = super().recommend(model, whole, now=now)
        return [drawn(one, asked.k) for asked, one in zip(requests, answers, strict=True)]


def drawn(ranking, k):
    items = sorted(ranking.items, key=lambda one: (-one.score, random.Random(one.item).random()))[:k]
    return attrs.evolve(ranking, items=tuple(items), shortfall=k - len(items))


class TestDrawing(sound.OfTally):
    made = Drawing
