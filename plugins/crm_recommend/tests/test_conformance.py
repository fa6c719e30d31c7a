"""Every engine passes the suite of the contract, with the settings it comes with."""

from __future__ import annotations

from crm_recommend.engine import Engine
from crm_recommend.settings import checked
from crmcore.testing.recommender_suite import RecommenderSuite


class TestPopular(RecommenderSuite):
    def recommender(self):
        return Engine("popular", checked("popular", {}))


class TestRepeat(RecommenderSuite):
    def recommender(self):
        return Engine("repeat", checked("repeat", {}))


class TestAlsoBought(RecommenderSuite):
    def recommender(self):
        return Engine("also_bought", checked("also_bought", {}))

    def bounded(self):
        return Engine("also_bought", checked("also_bought", {"max_items": 11}))


class TestAls(RecommenderSuite):
    #: The factors begin at random, drawn in the order of ids.
    any_order = False

    def recommender(self):
        return Engine("als", checked("als", {}))
