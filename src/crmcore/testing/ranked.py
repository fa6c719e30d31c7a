"""The checks of a recommender's answers: reproduced, of the catalogue, in order, as requested, for whoever asks."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import attrs
from hypothesis import strategies as st

from crmcore.hooks.recommender import Ranking, Request
from crmcore.testing.baskets import Row, held, interactions, requests_in, rows_in
from crmcore.testing.laws import ask
from crmcore.testing.recommender_laws import (
    ALONE,
    ANSWERED,
    CATALOGUED,
    ELIGIBLE,
    MISSING_TO_K,
    ORDERED,
    REPEATED,
    REPRODUCED,
    TELLING_RANKINGS,
)
from crmcore.testing.recommending import Recommending, ask_alike, ids


class RankedRecommender(Recommending):
    """What every answer keeps to."""

    def test_it_has_something_to_say(self) -> None:
        """To everybody who has bought something; otherwise nothing else here proves much."""
        for request, ranking in self._of_the_shop():
            ask(ranking.items, TELLING_RANKINGS, f"For {request} there is nothing.")

    def test_the_same_data_and_seed_give_the_same_answer(self) -> None:
        """Asked again, fitted again, and by another engine: nothing is drawn but by the seed."""
        engine, requests = self.recommender(), self.shop.requests()
        model = self.fitted(engine)
        first = self.answers(engine, model, requests)
        ask_alike(first, self.answers(engine, model, requests), REPRODUCED, "Asked again")
        for other in (engine, self.recommender()):
            ask_alike(first, self.asked(other, requests), REPRODUCED, "Fitted again")

    def test_the_order_of_rows_does_not_matter(self) -> None:
        """Neither of interactions nor of the catalogue."""

        def look(rows: list[Row], items: list[int], data: st.DataObject) -> None:
            shuffled, engine = data.draw(st.permutations(rows)), self.recommender()
            first, again = self.fitted(engine, rows), self.fitted(engine, shuffled, items)
            requests = self.shop.requests()[:3]
            answers = [self.answers(engine, model, requests) for model in (first, again)]
            ask_alike(answers[0], answers[1], REPRODUCED, "Rows in another order")

        items = st.permutations(self.shop.items)
        self.for_all(look, rows=rows_in(self.shop), items=items, data=st.data())

    def test_a_batch_answers_as_one_by_one(self) -> None:
        """Whole, in halves, backwards and singly: each request has the answer it has in any other company."""

        def look(rows: list[Row], requests: list[Request]) -> None:
            engine = self.recommender()
            model = self.fitted(engine, rows)
            whole = self.answers(engine, model, requests)
            half = len(requests) // 2
            parts = [self.answers(engine, model, some) for some in (requests[:half], requests[half:])]
            singly = [answer for one in requests for answer in self.answers(engine, model, [one])]
            backwards = self.answers(engine, model, requests[::-1])[::-1]
            for again in (singly, [*parts[0], *parts[1]], backwards):
                ask_alike(whole, again, ALONE, "The same request, in other company")

        many = st.lists(requests_in(self.shop), max_size=8)
        self.for_all(look, rows=rows_in(self.shop), requests=many)

    def test_a_ranking_names_items_of_the_catalogue_each_once(self) -> None:
        """At most as many as are asked for, also where rows speak of items that are in no catalogue."""
        catalogue = set(self.shop.items)

        def look(request: Request, ranking: Ranking) -> None:
            named = ids(ranking)
            ask(set(named) <= catalogue, CATALOGUED, f"{sorted(set(named) - catalogue)} is not in the catalogue.")
            ask(len(named) == len(set(named)), CATALOGUED, f"An item is there twice: {named}.")
            ask(len(named) <= request.k, CATALOGUED, f"{request.k} were asked for, {len(named)} came.")

        self._each_answer(look)

    def test_the_best_come_first_and_ties_go_by_id(self) -> None:
        """Scores are finite, and fall."""

        def look(_: Request, ranking: Ranking) -> None:
            finite = all(isinstance(one.score, float | int) and math.isfinite(one.score) for one in ranking.items)
            ask(finite, ORDERED, f"A score is no finite number: {ranking}.")
            order = [(-one.score, one.item) for one in ranking.items]
            ask(order == sorted(order), ORDERED, f"They are out of order: {ranking}.")

        self._each_answer(look)

    def test_fewer_are_the_head_of_more(self) -> None:
        """How many are asked for does not change which are the best."""

        def look(rows: list[Row], request: Request) -> None:
            most = attrs.evolve(request, k=len(self.shop.items))
            engine = self.recommender()
            model = self.fitted(engine, rows)
            [few], [more] = self.answers(engine, model, [request]), self.answers(engine, model, [most])
            ask(few.items == more.items[: request.k], ORDERED, f"{request.k} are {few}, of all, {more}.")

        self.for_all(look, rows=rows_in(self.shop), request=requests_in(self.shop))

    def test_what_may_not_be_recommended_is_not(self) -> None:
        """Neither what is excluded nor what is no candidate, even where less remains than is asked for."""

        def look(request: Request, ranking: Ranking) -> None:
            named, candidates = set(ids(ranking)), request.candidates
            ask(not named & request.exclude, ELIGIBLE, f"{sorted(named & request.exclude)} is excluded by {request}.")
            more = set() if candidates is None else named - candidates
            ask(not more, ELIGIBLE, f"{sorted(more)} is no candidate of {request}.")

        self._each_answer(look)

    def test_the_shortfall_is_what_is_missing(self) -> None:
        """To as many as are asked for: also where nothing remains, and beyond the catalogue."""

        def look(request: Request, ranking: Ranking) -> None:
            missing = request.k - len(ranking.items)
            ask(ranking.shortfall == missing, MISSING_TO_K, f"{missing} are missing, it says {ranking.shortfall}.")

        self._each_answer(look)
        for request, ranking in self._of_the_shop(k=100, exclude=frozenset(self.shop.items[2:])):
            look(request, ranking)

    def test_repeat_is_kept_to(self) -> None:
        """By what is bought more often than returned, according to the model, and to a live history."""

        def look(rows: list[Row], live: list[Row], request: Request) -> None:
            engine, who = self.recommender(), request.customer or 0
            mine = [one for one in live if one.customer == who]
            fresh = attrs.evolve(request, history=interactions(mine))
            answers = self.answers(engine, self.fitted(engine, rows), [request, fresh])
            for ranking, known in zip(answers, (rows, mine), strict=True):
                _ask_repeat(request, ranking, held(known, who))

        of = self.shop
        for request, ranking in (*self._of_the_shop(repeat="exclude"), *self._of_the_shop(repeat="only")):
            _ask_repeat(request, ranking, held(of.rows, request.customer or 0))
        self.for_all(look, rows=rows_in(of), live=rows_in(of), request=requests_in(of))

    def test_whoever_asks_is_answered(self) -> None:
        """Nobody in particular, somebody unknown, somebody without a history; about items that nobody knows, or never bought."""
        of, nothing = self.shop, interactions([])
        strange = interactions([Row(customer=of.unknown, item=of.unknown, at=of.now)])
        asked = [
            Request(
                customer=who, k=3, repeat=repeat, history=history, basket=basket, candidates=some or None, exclude=some
            )
            for who in (None, of.unknown, of.customers[0])
            for repeat in ("allow", "exclude", "only")
            for history in (None, nothing, strange)
            for basket in ((), (of.unknown,))
            for some in (frozenset[int](), frozenset({of.unknown}))
        ]
        engine = self.recommender()
        for rows in (of.rows, ()):
            model = self.fitted(engine, rows)
            for request in asked:
                self.answers(engine, model, [request])

    def test_a_catalogue_of_nothing_and_of_one_item_is_enough(self) -> None:
        """Of nothing, nothing is recommended; of one item, at most that."""
        engine, requests = self.recommender(), self.shop.requests()
        for items in ((), self.shop.items[:1]):
            for answer in self.answers(engine, self.fitted(engine, items=items), requests):
                ask(set(ids(answer)) <= set(items), CATALOGUED, f"Of the catalogue {items}, {answer} came.")

    def test_any_number_may_be_asked_for(self) -> None:
        """None, one, and more than there are; no requests have no answers."""
        for k in (0, 1, 1000):
            for _, ranking in self._of_the_shop(k=k):
                most = min(k, len(self.shop.items))
                ask(len(ranking.items) <= most, CATALOGUED, f"{k} were asked for, {len(ranking.items)} came.")
        engine = self.recommender()
        ask(not self.answers(engine, self.fitted(engine), []), ANSWERED, "Nobody asked, and somebody was answered.")

    def _of_the_shop(self, **changes: Any) -> list[tuple[Request, Ranking]]:
        engine = self.recommender()
        model = self.fitted(engine)
        requests = [attrs.evolve(one, **changes) for one in self.shop.requests()]
        return list(zip(requests, self.answers(engine, model, requests), strict=True))

    def _each_answer(self, look: Callable[[Request, Ranking], None]) -> None:
        def each(rows: list[Row], requests: list[Request]) -> None:
            for request, ranking in zip(requests, self.asked(self.recommender(), requests, rows), strict=True):
                look(request, ranking)

        many = st.lists(requests_in(self.shop), min_size=1, max_size=5)
        self.for_all(each, rows=rows_in(self.shop), requests=many)


def _ask_repeat(request: Request, ranking: Ranking, has: set[int]) -> None:
    named = set(ids(ranking))
    wrong = {"allow": set[int](), "exclude": named & has, "only": named - has}[request.repeat]
    ask(not wrong, REPEATED, f"{sorted(wrong)} came, by {request.repeat!r}; held are {sorted(has)}.")
