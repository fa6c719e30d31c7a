"""Recommends what has an odd id."""

from __future__ import annotations

import attrs

from crmcore.testing.tally import Tally
from tests.testing import test_recommender_suite as sound

BREAKS = "test_other_ids_give_the_same_answer"


class Superstitious(Tally):
    def recommend(self, model, requests, *, now):
        return super().recommend(model, [odd(one, model.items) for one in requests], now=now)


def odd(request, items):
    some = items if request.candidates is None else request.candidates
    return attrs.evolve(request, candidates=frozenset(one for one in some if one % 2))


class TestSuperstitious(sound.OfTally):
    made = Superstitious
