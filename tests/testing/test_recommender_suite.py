"""The suite lets a good recommender pass."""

from __future__ import annotations

from crmcore.testing.recommender_suite import RecommenderSuite
from crmcore.testing.tally import Tally


class TestTally(RecommenderSuite):
    def recommender(self):
        return Tally()

    def bounded(self):
        return Tally(most=5)
