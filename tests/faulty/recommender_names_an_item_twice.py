"""Names the best item twice where something is excluded."""

from __future__ import annotations

import attrs

from crmcore.testing.tally import Tally
from tests.testing import test_recommender_suite as sound

BREAKS = "test_a_ranking_names_items_of_the_catalogue_each_once"


class Insistent(Tally):
    def recommend(self, model, requests, *, now):
        answers = super().recommend(model, requests, now=now)
        return [twice(one) if asked.exclude else one for asked, one in zip(requests, answers, strict=True)]


def twice(ranking):
    return attrs.evolve(ranking, items=(*ranking.items[:1], *ranking.items)[: len(ranking.items)])


class TestInsistent(sound.OfTally):
    made = Insistent
