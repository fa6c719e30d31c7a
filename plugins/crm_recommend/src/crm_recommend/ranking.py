"""From scores to rankings: eligible items, the repeat rule, ties by id, and popular items where an engine has too few."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import attrs
import numpy as np

from crm_recommend.purchases import Bools, Floats, Held, Ints, positions
from crmcore.hooks.recommender import Ranking, Request, Scored

POPULAR = "popular"


@attrs.frozen(kw_only=True, eq=False)
class Scores:
    """What an engine says for one customer: positions of items, each once, and their scores."""

    item: Ints
    score: Floats


@attrs.frozen(kw_only=True, eq=False)
class Eligible:
    """What a set of candidates lets in, and these items in the order of `background`."""

    allowed: Bools
    order: Ints


class Ranker:
    """Ranks for one batch; what many requests share is worked out once.

    `background` is the score of every item that an engine says nothing of. Sorted once, its head is all that is looked
    at, so that a request costs what the customer holds, not what the catalogue holds.
    """

    def __init__(self, source: str, items: Ints, background: Floats) -> None:
        self._source, self._items, self._background = source, items, background
        self._eligible: dict[int, tuple[frozenset[int] | None, Eligible]] = {}

    def rank(self, request: Request, scores: Scores, held: Held) -> Ranking:
        """Return the best `k` of the items scored and of the background."""
        eligible = self._for(request.candidates)
        allowed = self._allowed(request, eligible.allowed, held.item)
        fits = allowed[scores.item]
        allowed[scores.item] = False
        rest = self._rest(request, eligible.order, allowed, len(scores.item), held.item)
        item = np.concatenate((scores.item[fits], rest))
        score = np.concatenate((scores.score[fits], self._background[rest]))
        best = highest(item, score, request.k)
        return self._ranking(request, item[best], score[best], best < np.count_nonzero(fits))

    def _for(self, candidates: frozenset[int] | None) -> Eligible:
        # A set has a hash, but working it out costs as much as the work saved; held on to, its id stays its own.
        if id(candidates) not in self._eligible:
            self._eligible[id(candidates)] = (candidates, self._sorted(candidates))
        return self._eligible[id(candidates)][1]

    def _sorted(self, candidates: frozenset[int] | None) -> Eligible:
        allowed = np.full(len(self._items), candidates is None)
        if candidates is not None:
            allowed[self._known(candidates)] = True
        some = np.flatnonzero(allowed)
        return Eligible(allowed=allowed, order=some[np.argsort(-self._background[some], kind="stable")])

    def _allowed(self, request: Request, eligible: Bools, has: Ints) -> Bools:
        allowed = eligible.copy()
        if request.exclude:
            allowed[self._known(request.exclude)] = False
        if request.repeat == "exclude":
            allowed[has] = False
        elif request.repeat == "only":
            mine = np.zeros_like(allowed)
            mine[has] = allowed[has]
            return mine
        return allowed

    def _rest(self, request: Request, order: Ints, allowed: Bools, scored: int, has: Ints) -> Ints:
        """Return enough of the background: of its head, at most so many are not allowed."""
        if request.repeat == "only":
            return has[allowed[has]]
        head = order[: max(0, request.k) + scored + len(has) + len(request.exclude)]
        return head[allowed[head]]

    def _known(self, some: frozenset[int]) -> Ints:
        found = positions(np.fromiter(some, dtype=np.int64, count=len(some)), self._items)
        return found[found >= 0]

    def _ranking(self, request: Request, item: Ints, score: Floats, own: Bools) -> Ranking:
        ranked = tuple(
            Scored(item=one, score=value, source=self._source if mine else POPULAR)
            for one, value, mine in zip(self._items[item].tolist(), score.tolist(), own.tolist(), strict=True)
        )
        shortfall = max(0, request.k) - len(ranked)
        return Ranking(items=ranked, fallback=_fallback(self._source, ranked), shortfall=shortfall)


def highest(item: Ints, score: Floats, k: int) -> Ints:
    """Return the places of the k highest scores, best first, the lower item first where two are equal."""
    if k <= 0:
        return np.empty(0, dtype=np.int64)
    some: Ints = np.arange(len(score))
    if len(score) > k:
        edge = np.partition(score, len(score) - k)[len(score) - k]
        some = np.flatnonzero(score >= edge)
    return some[np.lexsort((item[some], -score[some]))][:k]


def _fallback(source: str, ranked: Sequence[Scored]) -> Literal["none", "partial", "full"]:
    own = sum(one.source == source for one in ranked)
    if own == len(ranked):
        return "none"
    return "partial" if own else "full"
