"""From scores to rankings: eligible items, the repeat rule, ties by id, and popular items where too few are left."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import attrs
import numpy as np
import numpy.typing as npt

from crm_recommend.purchases import Floats, Ints
from crmcore.hooks.recommender import Ranking, Request, Scored

Bools = npt.NDArray[np.bool_]


@attrs.frozen(kw_only=True, eq=False)
class Scores:
    """What an engine says for one customer: scores of some items, and which items the customer has."""

    item: Ints
    score: Floats
    has: Ints


class Ranker:
    """Ranks for one model; what is the same for many requests is worked out once."""

    def __init__(self, source: str, items: Ints, popularity: Floats) -> None:
        self._source, self._items, self._popularity = source, items, popularity
        self._eligible: dict[int, Bools] = {}
        self._kept_alive: list[object] = []

    def rank(self, request: Request, scores: Scores) -> Ranking:
        """Return the best `k` items of the scores, filled up with popular ones where they are fewer."""
        allowed = self._allowed(request, scores.has)
        fits = allowed[scores.item]
        item, score = scores.item[fits], scores.score[fits]
        best = self._best(item, score, request.k)
        first = [self._scored(one, value, self._source) for one, value in zip(item[best], score[best], strict=True)]
        rest = self._fill(allowed, item[best], score[best], request.k)
        fallback: Literal["none", "partial", "full"] = "none" if not rest else ("partial" if first else "full")
        ranked = (*first, *rest)
        return Ranking(items=ranked, fallback=fallback, shortfall=max(0, request.k) - len(ranked))

    def _allowed(self, request: Request, has: Ints) -> Bools:
        allowed = self._candidates(request.candidates)
        if request.exclude or request.repeat != "allow":
            allowed = allowed.copy()
        if request.exclude:
            allowed[np.isin(self._items, np.fromiter(request.exclude, dtype=np.int64))] = False
        if request.repeat == "exclude":
            allowed[has] = False
        elif request.repeat == "only":
            mine = np.zeros(len(self._items), dtype=np.bool_)
            mine[has] = True
            allowed &= mine
        return allowed

    def _candidates(self, candidates: frozenset[int] | None) -> Bools:
        key = id(candidates)
        if key not in self._eligible:
            self._kept_alive.append(candidates)
            self._eligible[key] = (
                np.ones(len(self._items), dtype=np.bool_)
                if candidates is None
                else np.isin(self._items, np.fromiter(candidates, dtype=np.int64, count=len(candidates)))
            )
        return self._eligible[key]

    def _best(self, item: Ints, score: Floats, k: int) -> Ints:
        """Positions of the k highest scores, the lower id first where two are equal."""
        if k <= 0:
            return np.empty(0, dtype=np.int64)
        some: Ints = np.arange(len(score))
        if len(score) > k:
            edge = -np.partition(-score, k - 1)[k - 1]
            some = np.flatnonzero(score >= edge)
        return some[np.lexsort((item[some], -score[some]))][:k]

    def _fill(self, allowed: Bools, item: Ints, score: Floats, k: int) -> list[Scored]:
        missing = k - len(item)
        if missing <= 0:
            return []
        left = allowed.copy()
        left[item] = False
        others = np.flatnonzero(left)
        popularity = self._popularity[others]
        best = self._best(others, popularity, missing)
        floor = float(score[-1]) if len(score) else 1.0
        return [self._scored(others[one], floor - 1.0 + popularity[one], "popular") for one in best]

    def _scored(self, position: int, score: float, source: str) -> Scored:
        return Scored(item=int(self._items[position]), score=float(score), source=source)


def positions(ids: Sequence[int], known: Ints) -> Ints:
    """Return the positions of ids in a sorted array, -1 where they are not in it."""
    wanted = np.asarray(ids, dtype=np.int64)
    if not len(known):
        return np.full(len(wanted), -1, dtype=np.int64)
    found = np.searchsorted(known, wanted).clip(max=len(known) - 1)
    return np.where(known[found] == wanted, found, -1)
