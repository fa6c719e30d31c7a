"""Customers that are probably one: each is read once, and compared with those that share something with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from heapq import nlargest

import attrs

from crmcore.flow.duplicates import blocking, weighing
from crmcore.flow.duplicates.blocking import Block, Blocks
from crmcore.flow.duplicates.comparing import Agreement, compared
from crmcore.flow.duplicates.profiles import NAMES, Profile, packed, profile, shown_name, unpacked
from crmcore.flow.duplicates.weighing import Shares, Weighed
from crmcore.flow.progress import Progress
from crmcore.model.duplicates import Duplicate, Duplicates, Side, Skipped
from crmcore.store import customers, links, profiles
from crmcore.store.scope import Scope

#: Customers read at once.
PAGE = 5_000
ADDRESSES = ("email", "phone")


@attrs.frozen
class _Pair:
    """A pair that is probable enough, the lesser id first."""

    one: int
    other: int
    weighed: Weighed


def _rank(pair: _Pair) -> tuple[float, int, int]:
    """The more probable first, among equals the older customers."""
    return pair.weighed.score, -pair.one, -pair.other


def suggest(scope: Scope, *, threshold: float, limit: int | None, largest: int, progress: Progress) -> Duplicates:
    """Return the pairs of at least that probability, best first, at most `limit`.

    What more than `largest` customers share brings nobody together. Pairs that were unmerged are left out.
    """
    search = _Search(scope, largest, progress)
    probable = search.probable(threshold, links.apart(scope))
    pairs = sorted(probable, key=_rank, reverse=True) if limit is None else nlargest(limit, probable, key=_rank)
    return Duplicates(
        pairs=_shown(scope, pairs),
        customers=search.customers,
        compared=search.compared,
        skipped=search.skipped(),
    )


class _Search:
    """One search: what is known of each customer, what they share, how many pairs were compared."""

    def __init__(self, scope: Scope, largest: int, progress: Progress) -> None:
        self._largest, self._progress = largest, progress
        self._known: dict[int, str] = {}
        self._blocks, self._shares = Blocks(), Shares()
        self.compared = 0
        ids = profiles.living(scope)
        self.customers = len(ids)
        for start in range(0, len(ids), PAGE):
            self._take(scope, ids[start : start + PAGE])
            progress(len(self._known), 2 * len(ids))
        self._sizes = self._blocks.sizes(largest)

    def _take(self, scope: Scope, page: Sequence[int]) -> None:
        for customer_id, known in profiles.facts(scope, page, NAMES, ADDRESSES).items():
            one = profile(customer_id, known)
            self._known[customer_id] = packed(one)
            self._shares.add(one)
            self._blocks.add(one.id, {blocking.number(key) for key in blocking.keys(one)})

    def probable(self, threshold: float, apart: set[tuple[int, int]]) -> Iterator[_Pair]:
        """Yield the pairs that reach the threshold and were not said to be two."""
        looked_at = 0
        for block in self._blocks.shared(self._largest):
            for one, other in self._pairs(block):
                self.compared += 1
                weighed = weighing.weighed(filter(self._tells, compared(one, other)), self._shares)
                if weighed.score >= threshold and (one.id, other.id) not in apart:
                    yield _Pair(one.id, other.id, weighed)
            looked_at += len(block.customers)
            if looked_at % PAGE < len(block.customers):
                self._progress(self.customers + self.customers * looked_at // self._sizes.shared, 2 * self.customers)
        self._progress(2 * self.customers, 2 * self.customers)

    def _pairs(self, block: Block) -> Iterator[tuple[Profile, Profile]]:
        known = {one: unpacked(one, self._known[one]) for one in block.customers}
        too_large = self._sizes.too_large.keys()
        numbers = {one.id: frozenset(map(blocking.number, blocking.keys(one))) - too_large for one in known.values()}
        for one, other in blocking.pairs_of(block, numbers):
            yield known[one], known[other]

    def _tells(self, one: Agreement) -> bool:
        """An e-mail address or phone number that too many share is an office's or a placeholder: it tells nothing."""
        if one.field == "email":
            keys = [(blocking.EMAIL, value) for value in one.values]
        elif one.field == "phone":
            keys = [(blocking.PHONE, value[-blocking.PHONE_END :]) for value in one.values]
        else:
            return True
        return not any(blocking.number(key) in self._sizes.too_large for key in keys)

    def skipped(self) -> tuple[Skipped, ...]:
        """Return what too many share, by kind."""
        by_kind: dict[int, list[int]] = {}
        for key in self._sizes.too_large:
            by_kind.setdefault(blocking.kind(key), []).append(key)
        return tuple(self._skipped(kind, keys) for kind, keys in sorted(by_kind.items()))

    def _skipped(self, kind: int, keys: Sequence[int]) -> Skipped:
        groups = self._sizes.too_large
        sizes = [groups[key].size for key in keys]
        largest = max(keys, key=lambda key: (groups[key].size, groups[key].customer))
        member = unpacked(0, self._known[groups[largest].customer])
        shared = next(key for key in blocking.keys(member) if blocking.number(key) == largest)
        return Skipped(
            kind=blocking.KINDS[kind],
            groups=len(keys),
            pairs=sum(size * (size - 1) // 2 for size in sizes),
            largest=max(sizes),
            example=blocking.said(member, shared),
        )


def _shown(scope: Scope, pairs: Sequence[_Pair]) -> tuple[Duplicate, ...]:
    ids = sorted({customer_id for pair in pairs for customer_id in (pair.one, pair.other)})
    sides = _sides(scope, ids)
    refused = links.refused_between(scope, {(pair.one, pair.other) for pair in pairs})
    return tuple(
        Duplicate(
            score=round(pair.weighed.score, 4),
            household=round(pair.weighed.household, 4),
            one=sides[pair.one],
            other=sides[pair.other],
            reasons=weighing.reasons(pair.weighed),
            contradictions=refused[pair.one, pair.other],
        )
        for pair in pairs
    )


def _sides(scope: Scope, ids: Sequence[int]) -> dict[int, Side]:
    known = profiles.facts(scope, ids, NAMES, ())
    return {
        one: Side(id=one, key=key, name=shown_name(known[one]), identities=identities)
        for one, (key, identities) in customers.named(scope, ids).items()
    }
