"""A recommender that counts: it claims all that the contract knows, in Python alone, for tests where there is no crm_recommend."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from heapq import nsmallest
from typing import Any

import attrs

from crmcore.errors import BadConfig, IncompatibleModel, RecommenderError
from crmcore.hooks.marker import hookimpl
from crmcore.hooks.recommender import (
    CAPABILITIES,
    PURCHASE,
    RETURN,
    Fit,
    Interactions,
    Model,
    Ranking,
    Reasons,
    Recommender,
    Request,
    Scored,
)
from crmcore.hooks.setup import Setup

FORMAT = 1
#: One customer's purchases less returns, by item.
Counts = Mapping[int, int]
#: A score is how often a customer has bought an item, and the share that it has of all that is bought.
Score = tuple[float, float]


@attrs.frozen(kw_only=True, eq=False)
class Tallied:
    """What each customer bought more often than returned, or less."""

    as_of: int
    items: tuple[int, ...]
    counts: Mapping[int, Counts]

    def shares(self) -> Mapping[int, float]:
        """Return what share each item has of all that is held, customer by customer."""
        held = Counter[int]()
        for one in self.counts.values():
            held.update({item: count for item, count in one.items() if count > 0})
        return {item: held[item] / (1 + held.total()) for item in self.items}


class Tally:
    """A plugin with one recommender, of any name: what a customer buys often, then what everybody does."""

    contract = 1
    capabilities = frozenset(CAPABILITIES)

    def __init__(self, name: str = "tally", most: int = 1_000_000) -> None:
        self.name, self.most = name, most

    @hookimpl
    def crm_register_recommenders(self, setup: Setup) -> Sequence[Recommender]:  # noqa: ARG002 - the hook's argument
        """Return the recommender: this."""
        return [self]

    def fit(self, data: Fit, *, now: int, seed: int) -> Tallied:  # noqa: ARG002 - nothing is drawn
        """Return a model; raise BadConfig where there are more items than `most`."""
        return self._counted({}, data, now)

    def update(self, model: Model, data: Fit, *, now: int) -> Tallied:
        """Return a model of what was known, and what is new."""
        return self._counted(_tallied(model).counts, data, now)

    def forget(self, model: Model, customers: Collection[int]) -> Tallied:
        """Return a model without some customers, and what they bought."""
        kept = {one: counts for one, counts in _tallied(model).counts.items() if one not in customers}
        return attrs.evolve(_tallied(model), counts=kept)

    def recommend(self, model: Model, requests: Sequence[Request], *, now: int) -> Sequence[Ranking]:
        """Return one Ranking per request."""
        shares = _tallied(model).shares()
        return [self._ranking(request, shares, _held(_tallied(model), request, now)) for request in requests]

    def similar_items(self, model: Model, items: Sequence[int], k: int) -> Sequence[Ranking]:
        """Return what is held by those who hold each item."""
        together: defaultdict[int, Counter[int]] = defaultdict(Counter)
        for counts in _tallied(model).counts.values():
            for one in counts:
                together[one].update(counts.keys())
        known = _tallied(model).items
        return [self._best({two: (float(together[one][two]), 0.0) for two in known if two != one}, k) for one in items]

    def explain(self, model: Model, request: Request, item: int) -> Reasons:
        """Return a customer's own purchases, and the share of all; raise RecommenderError for an item that nobody knows."""
        if item not in _tallied(model).items:
            raise RecommenderError(engine=self.name, problem=f"item {item} is not in the catalogue it was fitted on")
        own = float(_held(_tallied(model), request, _tallied(model).as_of).get(item, 0))
        return Reasons(
            parts={"own": own, "everybody": _tallied(model).shares()[item]}, sentences=("It is bought often.",)
        )

    def dump(self, model: Model) -> Mapping[str, Any]:
        """Return JSON text."""
        one = _tallied(model)
        counts = sorted(
            [customer, item, count] for customer, some in one.counts.items() for item, count in some.items()
        )
        said = {"format": FORMAT, "engine": self.name, "as_of": one.as_of, "items": one.items, "counts": counts}
        return {"tally": json.dumps(said)}

    def load(self, stored: Mapping[str, Any]) -> Tallied:
        """Return the model; raise IncompatibleModel."""
        try:
            read = json.loads(stored["tally"])
            self._same(read)
            counts = _summed((int(one), int(item), int(count)) for one, item, count in read["counts"])
            return Tallied(as_of=read["as_of"], items=tuple(map(int, read["items"])), counts=counts)
        except (KeyError, ValueError, TypeError, RecursionError) as error:
            raise IncompatibleModel(engine=self.name, problem=f"{type(error).__name__}: {error}") from error

    def _same(self, read: Mapping[str, Any]) -> None:
        if (read["format"], read["engine"], type(read["as_of"])) != (FORMAT, self.name, int):
            raise ValueError(f"it is of {read['engine']!r}, in format {read['format']!r}")

    def _counted(self, known: Mapping[int, Counts], data: Fit, now: int) -> Tallied:
        items = tuple(sorted(one.id for one in data.items))
        if len(items) > self.most:
            raise BadConfig(
                engine=self.name, key="most", problem=f"there are {len(items)} items, more than {self.most}"
            )
        before = ((customer, item, count) for customer, some in known.items() for item, count in some.items())
        return Tallied(as_of=now, items=items, counts=_summed([*before, *_bought(data.interactions, now)]))

    def _ranking(self, request: Request, shares: Mapping[int, float], held: Counts) -> Ranking:
        scores = {
            item: (float(held.get(item, 0)), share) for item, share in shares.items() if _may(request, item, held)
        }
        return self._best(scores, request.k)

    def _best(self, scores: Mapping[int, Score], k: int) -> Ranking:
        best = nsmallest(k, ((-sum(score), item) for item, score in scores.items()))
        items = tuple(Scored(item=item, score=-lost, source=self.name) for lost, item in best)
        return Ranking(items=items, shortfall=k - len(items))


def _may(request: Request, item: int, held: Counts) -> bool:
    if item in request.exclude or (request.candidates is not None and item not in request.candidates):
        return False
    return request.repeat == "allow" or (item in held) == (request.repeat == "only")


def _held(model: Tallied, request: Request, now: int) -> Counts:
    if request.history is None:
        counts = model.counts.get(request.customer or 0, {})
    else:
        counts = Counter[int]()
        for _, item, count in _bought(request.history, now):
            counts[item] += count
    return {item: count for item, count in counts.items() if count > 0}


def _bought(given: Interactions, now: int) -> Iterable[tuple[int, int, int]]:
    """Yield customer, item, and 1 for a purchase, -1 for a return."""
    signs = {PURCHASE: 1, RETURN: -1}
    for customer, item, kind, at in zip(given.customer, given.item, given.kind, given.at, strict=True):
        if at <= now and kind in signs:
            yield customer, item, signs[kind]


def _summed(rows: Iterable[tuple[int, int, int]]) -> dict[int, Counts]:
    counts: defaultdict[int, Counter[int]] = defaultdict(Counter)
    for customer, item, count in rows:
        counts[customer][item] += count
    return {one: {item: count for item, count in some.items() if count} for one, some in counts.items()}


def _tallied(model: Model) -> Tallied:
    assert isinstance(model, Tallied)
    return model
