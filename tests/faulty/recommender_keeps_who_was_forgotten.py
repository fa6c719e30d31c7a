"""Keeps the id of a customer who is to be forgotten, with nothing bought."""

from __future__ import annotations

import attrs

from crmcore.testing.tally import Tally
from tests.testing import test_recommender_suite as sound

BREAKS = "test_who_is_forgotten_leaves_no_trace"


class Resentful(Tally):
    def forget(self, model, customers):
        without = super().forget(model, customers)
        return attrs.evolve(without, counts={**without.counts, **{one: {model.items[0]: 0} for one in customers}})


class TestResentful(sound.OfTally):
    made = Resentful
