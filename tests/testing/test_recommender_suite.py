"""The suite lets a good recommender pass; tests/faulty has those that it catches, each by the check about its fault."""

from __future__ import annotations

from types import MappingProxyType

import attrs
import pytest

from crmcore.hooks.recommender import CAPABILITIES, Recommender
from crmcore.testing.laws import LawBroken
from crmcore.testing.recommender_suite import RecommenderSuite
from crmcore.testing.tally import Tally


class OfTally(RecommenderSuite):
    made = Tally
    examples = 6

    def recommender(self):
        return self.made()

    def bounded(self):
        return self.made(most=5)


class TestTally(OfTally):
    examples = 15


class Modest(Tally):
    """Claims nothing, and has no more than it has to."""

    capabilities = frozenset()
    update = forget = explain = similar_items = None


class TestModest(OfTally):
    made = Modest


class Content(Tally):
    """Says that nothing is missing."""

    def recommend(self, model, requests, *, now):
        return [attrs.evolve(one, shortfall=0) for one in super().recommend(model, requests, now=now)]


class TestContent(OfTally):
    """A fault that is declared, with its reason, passes."""

    made = Content
    expected_failures = MappingProxyType({"test_the_shortfall_is_what_is_missing": "it says that nothing is missing"})


class Boastful(Tally):
    capabilities = frozenset({"clairvoyant"})


class Empty(Tally):
    """Claims what it has no method for."""

    similar_items = None


class Listed(Tally):
    capabilities = ("similar",)


class Precise(Tally):
    """Claims to be exact in what it does not do."""

    capabilities = frozenset({"exact"})


@pytest.mark.parametrize(
    ("bad", "said"),
    [(Boastful, "'clairvoyant'"), (Empty, "similar_items"), (Listed, "no frozenset"), (Precise, "update and forget")],
)
def test_what_is_claimed_amiss_is_named(bad, said):
    suite = type("OfBad", (OfTally,), {"made": bad})()
    with pytest.raises(LawBroken, match=said):
        suite.test_it_is_what_it_says()


def test_whoever_claims_to_be_bounded_is_asked_for_one_with_limits():
    class Unbounded(RecommenderSuite):
        def recommender(self):
            return Tally()

    with pytest.raises(NotImplementedError, match="def bounded"):
        Unbounded().test_more_than_it_is_set_to_is_refused()


def test_a_tally_has_all_that_the_contract_names_and_claims_it():
    named = {member for member in vars(Recommender) if not member.startswith("_")}
    assert {member for member in named | set(Recommender.__annotations__) if not hasattr(Tally(), member)} == set()
    assert Tally.capabilities == set(CAPABILITIES)
