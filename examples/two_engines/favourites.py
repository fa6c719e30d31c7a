"""A recommendation engine of one's own, as a plugin: what a customer buys most often, then what everybody does."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from crmcore.errors import IncompatibleModel
from crmcore.hooks.marker import implements
from crmcore.hooks.recommender import PURCHASE, Fit, Interactions, Ranking, Reasons, Recommender, Request, Scored
from crmcore.hooks.setup import Setup
from crmcore.hooks.specs import crm_register_recommenders


@attrs.frozen(kw_only=True)
class Bought:
    """How often who bought what, up to `as_of`; and the items of the catalogue."""

    as_of: int
    items: frozenset[int]
    by_customer: Mapping[int, Mapping[int, int]]
    by_all: Mapping[int, int]


class Favourites:
    """The engine `favourites`."""

    name = "favourites"
    contract = 1
    capabilities: frozenset[str] = frozenset()

    def fit(self, data: Fit, *, now: int, seed: int) -> Bought:
        by_customer: dict[int, Counter[int]] = {}
        for customer, item in _purchases(data.interactions, now):
            by_customer.setdefault(customer, Counter())[item] += 1
        return Bought(
            as_of=now,
            items=frozenset(one.id for one in data.items),
            by_customer=by_customer,
            by_all=sum(by_customer.values(), Counter()),
        )

    def update(self, model: Any, data: Fit, *, now: int) -> Bought:
        raise NotImplementedError("it is no incremental engine: fit it again")

    def recommend(self, model: Any, requests: Sequence[Request], *, now: int) -> Sequence[Ranking]:
        return [_ranking(model, one, now) for one in requests]

    def similar_items(self, model: Any, items: Sequence[int], k: int) -> Sequence[Ranking]:
        raise NotImplementedError("it knows no similar items")

    def explain(self, model: Any, request: Request, item: int) -> Reasons:
        raise NotImplementedError("it does not explain")

    def dump(self, model: Any) -> Mapping[str, Any]:
        rows = [[who, item, count] for who, had in sorted(model.by_customer.items()) for item, count in had.items()]
        return {"model": json.dumps({"as_of": model.as_of, "items": sorted(model.items), "bought": rows})}

    def load(self, stored: Mapping[str, Any]) -> Bought:
        try:
            said = json.loads(stored["model"])
            by_customer: dict[int, Counter[int]] = {}
            for who, item, count in said["bought"]:
                by_customer.setdefault(int(who), Counter())[int(item)] = int(count)
            return Bought(
                as_of=int(said["as_of"]),
                items=frozenset(map(int, said["items"])),
                by_customer=by_customer,
                by_all=sum(by_customer.values(), Counter()),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise IncompatibleModel(engine=self.name, problem="it is not what dump gave") from error


def _purchases(data: Interactions, now: int) -> list[tuple[int, int]]:
    rows = zip(data.customer, data.item, data.kind, data.at, data.quantity, strict=True)
    return [(who, item) for who, item, kind, at, quantity in rows if kind == PURCHASE and at <= now and quantity > 0]


def _ranking(model: Bought, request: Request, now: int) -> Ranking:
    own = _own(model, request, now)
    allowed = model.items if request.candidates is None else request.candidates & model.items
    may_be = {"allow": allowed, "exclude": allowed - own.keys(), "only": allowed & own.keys()}[request.repeat]
    scores = {one: own.get(one, 0) * 1_000_000 + model.by_all.get(one, 0) for one in may_be - request.exclude}
    best = sorted(scores, key=lambda one: (-scores[one], one))[: request.k]
    return Ranking(
        items=tuple(Scored(item=one, score=float(scores[one]), source="favourites") for one in best),
        fallback="none" if own else "full",
        shortfall=request.k - len(best),
    )


def _own(model: Bought, request: Request, now: int) -> Mapping[int, int]:
    if request.history is not None:
        return Counter(item for _, item in _purchases(request.history, now))
    return model.by_customer.get(request.customer, {}) if request.customer is not None else {}


@implements(crm_register_recommenders)
def engines(setup: Setup) -> Sequence[Recommender]:
    return [Favourites()]
