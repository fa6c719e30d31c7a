"""The suite of the Recommender contract: subclass it, say how to make your engine, and pytest does the rest.

    class TestBestsellers(RecommenderSuite):
        def recommender(self):
            return Bestsellers()

The suite brings a small shop of its own (crmcore.testing.baskets), with customers who buy again. What an engine claims in
`capabilities` is checked too; checks of what it does not claim are skipped. docs/reference/suites.md says what each proves.
"""

from __future__ import annotations

import math
import os
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import pytest
from hypothesis import strategies as st

from crmcore.errors import BadConfig
from crmcore.hooks.recommender import CAPABILITIES, Ranking, Recommender, Request
from crmcore.testing.baskets import Row, requests_in, rows_in, wide
from crmcore.testing.batches import MANY, ask_offline, ask_quick
from crmcore.testing.keeping import KeptModel
from crmcore.testing.laws import LawBroken, ask
from crmcore.testing.learning import LearningRecommender
from crmcore.testing.ranked import RankedRecommender
from crmcore.testing.recommender_laws import ALIKE_ITEMS, BOUNDED, CLAIMED, SUMMED, UNMOVED
from crmcore.testing.recommending import ask_alike, ask_near, ids, one_per
from crmcore.testing.suite import ask_named
from crmcore.testing.watching import much_later

A_DAY = 24 * 3600.0
#: After so many days weekdays and leap years fall as before.
CALENDAR = 28 * 365 + 7
#: How near the parts of an explanation come to its score.
SUM, FLOOR = 1e-5, 1e-9
METHODS = {"similar": "similar_items", "explain": "explain", "incremental": "update", "forgets": "forget"}


class RecommenderSuite(RankedRecommender, LearningRecommender, KeptModel):
    """What every recommender has to pass."""

    def test_it_is_what_it_says(self) -> None:
        """Its name, its version and what it claims have their form."""
        engine = self.recommender()
        ask_named(engine, "recommender")
        for problem in _problems(engine):
            ask(not problem, CLAIMED, problem)

    def test_it_reads_no_clock(self) -> None:
        """A day ahead by the machine's clock, and all of it 28 years later: the answers are the same."""
        engine, of = self.recommender(), self.shop
        first = self.asked(engine, of.requests())
        with much_later(A_DAY):
            ask_alike(first, self.asked(engine, of.requests()), UNMOVED, "The machine's clock a day ahead")
        ahead = CALENDAR * int(A_DAY) * 1_000_000
        later = [row._replace(at=row.at + ahead) for row in of.rows]
        ask_near(first, self.asked(engine, of.requests(), later, of.now + ahead), UNMOVED, "All of it 28 years later")

    def test_the_time_zone_of_the_machine_does_not_matter(self) -> None:
        """Times are UTC, wherever the machine is."""
        with _zone("UTC"):
            first = self.asked(self.recommender(), self.shop.requests())
        with _zone("Pacific/Kiritimati"):
            again = self.asked(self.recommender(), self.shop.requests())
        ask_alike(first, again, UNMOVED, "In another time zone")

    def test_it_opens_no_socket(self) -> None:
        """What it is shown is all it knows."""
        ask_offline(lambda: self.asked(self.recommender(), self.shop.requests()), UNMOVED)

    def test_it_answers_in_time(self) -> None:
        """The suite's shop is fitted, and a thousand requests are answered, within the budget; the best of three times counts."""
        engine, few = self.recommender(), self.shop.requests()
        requests = [few[number % len(few)] for number in range(MANY)]
        ask_quick(lambda: self.asked(engine, requests), self.budget, BOUNDED)

    def test_its_memory_is_bounded(self) -> None:
        """Of thousands of customers and items a fit makes no table of each with each, or refuses them by BadConfig."""
        engine, (rows, items) = self.recommender(), wide(self.now, self.width)
        tracemalloc.start()
        try:
            self.fitted(engine, rows, items)
        except BadConfig:
            return
        finally:
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
        said = f"{self.width:,} customers and items took {peak:,} bytes to fit, at most {self.memory:,} were to be."
        ask(peak <= self.memory, BOUNDED, said)

    def test_more_than_it_is_set_to_is_refused(self) -> None:
        """By BadConfig, which names the setting."""
        self.claiming("bounded")
        try:
            self.fitted(self.bounded())
        except BadConfig:
            return
        raise LawBroken(BOUNDED, "The shop is larger than its settings allow, and it was fitted.")

    def test_an_explanation_sums_to_the_score(self) -> None:
        """Of everything that is recommended, to whomever, by whatever history."""
        engine = self.claiming("explain")

        def look(rows: list[Row], requests: list[Request]) -> None:
            model = self.fitted(engine, rows)
            for request in requests:
                [ranking] = self.answers(engine, model, [request])
                for one in ranking.items:
                    parts = engine.explain(model, request, one.item).parts
                    same = math.isclose(sum(parts.values()), one.score, rel_tol=SUM, abs_tol=FLOOR)
                    ask(same, SUMMED, f"Of {one}, the parts are {parts}, {sum(parts.values())} in all.")

        self.for_all(look, rows=rows_in(self.shop), requests=st.lists(requests_in(self.shop), min_size=1, max_size=3))

    def test_similar_items_leave_the_item_itself_out(self) -> None:
        """Of the others, each once, at most as many as are asked for; what nobody knows is like something, or nothing."""
        engine, of = self.claiming("similar"), self.shop
        model, asked = self.fitted(engine), [*of.items, of.unknown]
        for k in (0, 3, 1000):
            answers = one_per(engine.similar_items(model, asked, k), asked, ALIKE_ITEMS)
            for item, ranking in zip(asked, answers, strict=True):
                self._is_of_others(item, ranking, k)

    def _is_of_others(self, item: int, ranking: Ranking, k: int) -> None:
        named = ids(ranking)
        others = set(self.shop.items) - {item}
        ask(set(named) <= others, ALIKE_ITEMS, f"{item} is like {named}: not of the catalogue, or itself.")
        fine = len(named) == len(set(named)) <= k
        ask(fine, ALIKE_ITEMS, f"{k} were asked for, {named} came.")
        order = [(-one.score, one.item) for one in ranking.items]
        ask(order == sorted(order), ALIKE_ITEMS, f"What {item} is like is out of order: {ranking}.")


def _problems(engine: Recommender) -> Iterator[str]:
    claimed: Any = engine.capabilities
    if not isinstance(claimed, frozenset):
        yield f"`capabilities` is {claimed!r}, no frozenset of words."
        return
    yield from (f"There is no capability {one!r}." for one in sorted(claimed - set(CAPABILITIES)))
    methods = ("fit", "recommend", "dump", "load", *(METHODS[one] for one in sorted(claimed) if one in METHODS))
    yield from (f"It has no method {one}." for one in methods if not callable(getattr(engine, one, None)))
    if "exact" in claimed and not claimed & {"incremental", "forgets"}:
        yield "It claims `exact`, which is about update and forget, and has neither."


@contextmanager
def _zone(name: str) -> Iterator[None]:
    if not hasattr(time, "tzset"):
        pytest.skip("this machine's time zone cannot be set")
    try:
        with mock.patch.dict(os.environ, {"TZ": name}):
            time.tzset()
            yield
    finally:
        time.tzset()
