"""What a recommender's suite is made of: the author's part, models fitted on the suite's shop, and questions to them."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from crmcore.errors import BadConfig
from crmcore.hooks.recommender import Model, Ranking, Recommender, Request
from crmcore.testing.baskets import Row, Shop, fit_of, shop
from crmcore.testing.laws import Law, LawBroken, ask
from crmcore.testing.recommender_laws import ALONE, ANSWERED
from crmcore.testing.suite import Suite, needs

#: How near scores are that are worked out in two ways.
NEAR, FLOOR = 1e-6, 1e-9


class Recommending(Suite):
    """What the author of a recommender gives."""

    #: Microseconds UTC, far from any machine's clock.
    now: ClassVar[int] = 2_208_988_800_000_000
    #: Which shop it is, and what fits are given as their seed.
    seed: ClassVar[int] = 1
    #: How many shops are drawn where a check is a law over all of them.
    examples: ClassVar[int] = 15
    #: The seconds in which the suite's shop is fitted and a thousand requests are answered.
    budget: ClassVar[float] = 2.0
    #: The bytes that Python and numpy may allocate to fit the wide shop: less than a number for each pair of its items.
    memory: ClassVar[int] = 64 * 2**20
    #: How many items, and as many customers, the wide shop has.
    width: ClassVar[int] = 4000
    #: Whether ids in another order are the same shop to it; an engine that begins from random numbers, drawn in the order
    #: of ids, says no: then they are exchanged in their order.
    any_order: ClassVar[bool] = True

    @abstractmethod
    def recommender(self) -> Recommender:
        """Return the engine: a new one each time, set as it is to be proved."""
        raise NotImplementedError

    def bounded(self) -> Recommender:
        """Return the engine with limits so low that the suite's shop, of 18 customers and 12 items, exceeds them."""
        raise NotImplementedError("It claims `bounded`. Write in the suite: def bounded(self) -> Recommender: ...")

    @property
    def shop(self) -> Shop:
        """The shop of the suite."""
        return shop(self.now, self.seed)

    def claiming(self, *capabilities: str) -> Recommender:
        """Return the engine; skip the check where it does not claim all of these."""
        engine = self.recommender()
        for one in capabilities:
            needs(one in engine.capabilities, one)
        return engine

    def fitted(
        self, engine: Recommender, rows: Iterable[Row] | None = None, items: Sequence[int] | None = None, now: int = 0
    ) -> Model:
        """Return a model of the suite's shop, or of other rows and items; raise BadConfig where the engine does."""
        of = self.shop
        data = fit_of(of.rows if rows is None else rows, of.items if items is None else items)
        try:
            return engine.fit(data, now=now or self.now, seed=self.seed)
        except BadConfig:
            raise
        except Exception as error:
            raise LawBroken(ANSWERED, f"fit raised {error!r} for {len(data.interactions)} interactions.") from error

    def answers(
        self,
        engine: Recommender,
        model: Model,
        requests: Sequence[Request],
        *,
        now: int = 0,
        law: Law = ANSWERED,
    ) -> list[Ranking]:
        """Return one Ranking per request."""
        try:
            given_ = engine.recommend(model, requests, now=now or self.now)
        except Exception as error:
            raise LawBroken(law, f"recommend raised {error!r} for {requests}.") from error
        return one_per(given_, requests, ALONE)

    def asked(
        self, engine: Recommender, requests: Sequence[Request], rows: Iterable[Row] | None = None, now: int = 0
    ) -> list[Ranking]:
        """Return the answers of a model fitted for this."""
        return self.answers(engine, self.fitted(engine, rows, now=now), requests, now=now)

    def for_all(self, check: Callable[..., None], **drawn: st.SearchStrategy[Any]) -> None:
        """Run a check for whatever is drawn."""
        run = settings(
            max_examples=self.examples,
            deadline=None,
            database=None,
            report_multiple_bugs=False,
            phases=[Phase.generate],  # to shrink what is found takes minutes where an engine is slow
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        )
        run(given(**drawn)(check))()


def one_per(given_: object, asked: Sequence[object], law: Law) -> list[Ranking]:
    """Return Rankings; raise LawBroken unless there is one for each that was asked."""
    if not isinstance(given_, Sequence):
        raise LawBroken(law, f"The answer is a {type(given_).__name__}, no sequence.")
    odd = [one for one in given_ if not isinstance(one, Ranking)]
    ask(not odd, law, f"{odd[:1]} is no Ranking.")
    ask(len(given_) == len(asked), law, f"{len(asked)} were asked, {len(given_)} were answered.")
    return list(given_)


def ids(ranking: Ranking) -> list[int]:
    """Return the items of a ranking."""
    return [one.item for one in ranking.items]


def scores(ranking: Ranking) -> dict[int, float]:
    """Return the scores of a ranking by item."""
    return {one.item: one.score for one in ranking.items}


def ask_alike(first: Sequence[Ranking], again: Sequence[Ranking], law: Law, when: str) -> None:
    """Raise LawBroken unless answers are equal."""
    differing = next((pair for pair in zip(first, again, strict=True) if pair[0] != pair[1]), None)
    ask(differing is None, law, f"{when}: {differing and differing[0]}, then {differing and differing[1]}.")


def ask_near(first: Sequence[Ranking], again: Sequence[Ranking], law: Law, when: str) -> None:
    """Raise LawBroken unless answers hold the same items, with scores that differ by rounding alone."""
    for one, other in zip(first, again, strict=True):
        ask(near(scores(one), scores(other)), law, f"{when}: {one}, then {other}.")


def near(first: dict[int, float], again: dict[int, float]) -> bool:
    """Tell whether the same items have scores that differ by rounding alone."""
    return first.keys() == again.keys() and all(
        math.isclose(score, again[item], rel_tol=NEAR, abs_tol=FLOOR) for item, score in first.items()
    )
