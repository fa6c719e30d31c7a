"""Makes a table of each item with each."""

from __future__ import annotations

from array import array

from crmcore.testing.tally import Tally
from tests.testing import test_recommender_suite as sound

BREAKS = "test_its_memory_is_bounded"


class Lavish(Tally):
    def fit(self, data, *, now, seed):
        table = [array("d", bytes(8 * len(data.items))) for _ in data.items]
        return super().fit(data, now=now, seed=seed) if len(table) == len(data.items) else None


class TestLavish(sound.OfTally):
    made = Lavish
