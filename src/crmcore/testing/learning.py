"""The checks of what a recommender learns: up to now and no further, at once where it is live, and whom it forgets."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import attrs
from hypothesis import strategies as st

from crmcore.hooks.recommender import RETURN, Fit, Interactions, Item, Model, Ranking, Recommender, Request
from crmcore.testing.baskets import Row, fit_of, future_of, interactions, rows_in
from crmcore.testing.laws import LawBroken, ask
from crmcore.testing.recommender_laws import (
    ANSWERED,
    EXACT,
    FRESH,
    MONOTONE,
    NAMELESS,
    NOT_AHEAD,
    ORDERED,
    SHARED,
    TELLING_RANKINGS,
    UPDATED,
)
from crmcore.testing.recommending import Recommending, ask_alike, ask_near, ids, near, scores

#: How many threads read a model at once, and how often.
THREADS, READS = 4, 12
LEAST, MOST = -(2**63), 2**63 - 1


class LearningRecommender(Recommending):
    """What a model knows, and when."""

    def test_what_happens_after_now_is_not_known(self) -> None:
        """Neither to a fit nor from a live history, in whatever order the future comes."""
        of = self.shop

        def look(rows: list[Row], later: list[Row]) -> None:
            engine, told = self.recommender(), [later, later[::-1]]
            live = [_live(self._whole(0), rows)] + [_live(self._whole(0), [*rows, *some]) for some in told]
            requests = [*of.requests()[:3], *live]
            first, *again = [self.asked(engine, requests, [*rows, *some]) for some in ([], *told)]
            for other in again:
                ask_alike(first, other, NOT_AHEAD, "With what happens later")
            for one in first[-2:]:
                ask_alike([first[3]], [one], NOT_AHEAD, "With what happens later in its history")

        self.for_all(look, rows=rows_in(of), later=future_of(of))

    def test_one_more_purchase_never_lowers_an_item(self) -> None:
        """Where one may buy again."""
        self.claiming("frequency")
        self._with_one_more(0, 1)

    def test_a_return_never_lifts_an_item(self) -> None:
        """Nor what is returned for what was never bought."""
        self.claiming("frequency")
        self._with_one_more(RETURN, -1)

    def test_a_fresh_purchase_counts_at_once(self) -> None:
        """In a live history: what would have been recommended is bought, and new to its customer no more. Nobody else is told."""
        engine, of = self.recommender(), self.shop
        model = self.fitted(engine)
        other, mine = (attrs.evolve(self._whole(n), repeat="exclude") for n in (0, 1))
        before = self.answers(engine, model, [other, mine])
        bought = self._first_of(before[1])
        fresh = _live(mine, [*of.rows_of(of.customers[1]), *self._bought_anew(1, bought, of.now)])
        after = self.answers(engine, model, [other, fresh])
        ask(bought not in ids(after[1]), FRESH, f"{bought} was bought just now, and is recommended as new: {after[1]}.")
        ask_alike(before[:1], after[:1], FRESH, "Another customer, while one is asked about with a live history")

    def test_an_update_counts(self) -> None:
        """In the new model; the old one, whoever reads it, is as it was."""
        engine, of = self.claiming("incremental"), self.shop
        model = self.fitted(engine)
        mine = [attrs.evolve(self._whole(1), repeat="exclude")]
        before = self.answers(engine, model, mine)
        bought = self._first_of(before[0])
        later = self._updated(engine, model, self._bought_anew(1, bought, of.now + 1))
        after = self.answers(engine, later, mine, now=of.now + 1)
        ask(bought not in ids(after[0]), UPDATED, f"{bought} was bought, and the new model says {after[0]}.")
        ask_alike(before, self.answers(engine, model, mine), UPDATED, "The old model, after an update")

    def test_an_update_is_what_a_fit_would_be(self) -> None:
        """Wherever the rows are split."""
        engine, of = self.claiming("incremental", "exact"), self.shop

        def look(rows: list[Row], cut: int) -> None:
            early, late = sorted(rows, key=lambda row: row.at)[:cut], sorted(rows, key=lambda row: row.at)[cut:]
            requests = of.requests()[:3]
            model = self._updated(engine, self.fitted(engine, early), late, now=of.now)
            ask_near(
                self.asked(engine, requests, rows), self.answers(engine, model, requests), EXACT, "Fitted and updated"
            )

        self.for_all(look, rows=rows_in(of), cut=st.integers(0, 40))

    def test_threads_read_while_another_learns(self) -> None:
        """One model, read by several, while the same engine fits and loads, and updates where it can."""
        engine, requests = self.recommender(), self.shop.requests()
        model = self.fitted(engine)
        alone = self.answers(engine, model, requests)
        with ThreadPoolExecutor(THREADS + 1) as threads:
            learns = threads.submit(self._learn, engine, model)
            again = list(threads.map(lambda _: self.answers(engine, model, requests, law=SHARED), range(READS)))
            learns.result()
        for answers in again:
            ask_alike(alone, answers, SHARED, "Read by several threads")

    def test_extreme_numbers_give_finite_scores(self) -> None:
        """Quantities below and at 0, the largest and least values and times, the dearest item: all are numbers that may come."""
        of, engine = self.shop, self.recommender()
        data = Fit(
            interactions=_extreme(of.rows, of.now), items=[Item(id=one, price=MOST) for one in (*of.items, MOST)]
        )
        try:
            model = engine.fit(data, now=of.now, seed=self.seed)
        except Exception as error:
            raise LawBroken(ANSWERED, f"fit raised {error!r} for the largest numbers there are.") from error
        for answer in self.answers(engine, model, of.requests()):
            finite = all(abs(one.score) < float("inf") for one in answer.items)
            ask(finite, ORDERED, f"Of the largest numbers there are, a score that is none: {answer}.")

    def test_other_ids_give_the_same_answer(self) -> None:
        """Under their own names, ties aside: customers, items and orders are known by ids, and ids mean nothing."""
        of = self.shop
        chance = random.Random(f"names {self.seed}")  # noqa: S311 - others than those of the shop
        names = [chance.sample(range(2**61), len(some)) for some in (of.customers, of.items)]

        def look(rows: list[Row]) -> None:
            whom, what = (self._renamed(old, new) for old, new in zip((of.customers, of.items), names, strict=True))
            told = [row._replace(customer=whom[row.customer], item=what.get(row.item, row.item)) for row in rows]
            engine, requests = self.recommender(), of.requests()[:3]
            renamed = [attrs.evolve(one, customer=whom[one.customer or 0]) for one in requests]
            model = self.fitted(engine, told, sorted(what.values()))
            answers = self.asked(engine, requests, rows), self.answers(engine, model, renamed)
            for before, after in zip(*answers, strict=True):
                said = {what[item]: score for item, score in scores(before).items()}
                ask(near(said, scores(after)), NAMELESS, f"Under other ids, {said} became {scores(after)}.")

        self.for_all(look, rows=rows_in(of))

    def _renamed(self, old: Sequence[int], new: Sequence[int]) -> Mapping[int, int]:
        if self.any_order:
            return dict(zip(old, new, strict=True))
        return dict(zip(sorted(old), sorted(new), strict=True))

    def _with_one_more(self, kind: int, sign: int) -> None:
        of = self.shop

        def look(rows: list[Row], item: int) -> None:
            engine, asked = self.recommender(), [self._whole(0)]
            more = Row(customer=of.customers[0], item=item, at=of.now, kind=kind)
            first, then = (_place(self.asked(engine, asked, some)[0], item) for some in (rows, [*rows, more]))
            what = "bought" if sign > 0 else "returned"
            ask(sign * (first - then) >= 0, MONOTONE, f"{item} was {what}, and its place went from {first} to {then}.")

        self.for_all(look, rows=rows_in(of), item=st.sampled_from(of.items))

    def _whole(self, number: int) -> Request:
        return self.shop.requests()[number]

    def _first_of(self, ranking: Ranking) -> int:
        ask(ranking.items, TELLING_RANKINGS, "A customer of the shop is recommended nothing new.")
        return ranking.items[0].item

    def _bought_anew(self, number: int, item: int, at: int) -> list[Row]:
        """Return purchases of a customer, one more than ever were returned."""
        row = Row(customer=self.shop.customers[number], item=item, at=at)
        return [row] * (1 + sum(one.item == item for one in self.shop.rows_of(row.customer)))

    def _updated(self, engine: Recommender, model: Model, rows: Sequence[Row], now: int = 0) -> Model:
        return engine.update(model, fit_of(rows, self.shop.items), now=now or self.now + 1)

    def _learn(self, engine: Recommender, model: Model) -> None:
        for _ in range(3):
            self.fitted(engine, self.shop.rows[::2])
            engine.load(engine.dump(model))
            if "incremental" in engine.capabilities:
                self._updated(
                    engine, model, [Row(customer=self.shop.customers[0], item=self.shop.items[0], at=self.now)]
                )


def _live(request: Request, rows: Sequence[Row]) -> Request:
    mine = [row for row in rows if row.customer == request.customer]
    return attrs.evolve(request, history=interactions(mine))


def _place(ranking: Ranking, item: int) -> int:
    """Return where an item stands; behind all where it does not."""
    named = ids(ranking)
    return named.index(item) if item in named else len(named)


def _extreme(rows: Sequence[Row], now: int) -> Interactions:
    numbers = [(LEAST, MOST), (MOST, LEAST), (0, 0), (-1, -1)]
    odd = [
        row._replace(quantity=quantity, value=value, at=at, basket=basket)
        for row, (quantity, value) in zip(rows, numbers * (len(rows) // len(numbers)), strict=False)
        for at, basket in ((LEAST, MOST), (0, -1), (now, 0))
    ]
    return interactions([*odd, *(row._replace(item=MOST) for row in odd)])
