"""Which identities are one customer: a function of what was said, whatever order it came in.

An origin is the id an identity came in under; rows keep it for ever. Links between origins are statements: two were
*named* together, were *merged*, or were *unmerged*. Of two explicit statements about a pair the later holds, the unmerge
winning a tie; a pair unmerged stays apart, however often it is named together, until it is merged again.

The links that hold are taken in the order of their time. One that would join two customers with different keys is
refused, unless it is forced: the earlier statement stays (Kruskal's algorithm with a constraint).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby

import attrs

from crmcore.model.identity import KEY, Identity

NAMED, MERGED, UNMERGED = "named", "merged", "unmerged"


@attrs.frozen(kw_only=True)
class Link:
    """One statement about two origins, `low` < `high`; `into` is the one that stays in a merge.

    `at`, when it holds from, and `received_at`, when it came in (0 while it is new), in microseconds.
    """

    low: int
    high: int
    kind: str
    at: int
    into: int = 0
    forced: bool = False
    received_at: int = 0

    @property
    def pair(self) -> tuple[int, int]:
        """The two origins, in order."""
        return self.low, self.high


@attrs.frozen(kw_only=True)
class Grouping:
    """What links make of origins.

    Attributes: `lead` of each origin (one lead for all that are one customer); `key` of each lead, None for the
    anonymous; `joins` in the order they hold, as (at, one origin, other origin); `refused` pairs.
    """

    lead: Mapping[int, int]
    key: Mapping[int, str | None]
    joins: Sequence[tuple[int, int, int]]
    refused: frozenset[tuple[int, int]]


def link(one: int, other: int, kind: str, at: int, *, into: int = 0, forced: bool = False) -> Link:
    """Return a statement about two origins, given in any order."""
    return Link(low=min(one, other), high=max(one, other), kind=kind, at=at, into=into, forced=forced)


def grouped(names: Mapping[int, Identity], links: Iterable[Link]) -> Grouping:
    """Group the origins, given with the identity each came in under."""
    groups = _Groups(names)
    held = sorted(_holding(links, names), key=lambda one: (one.at, _pair_name(one, names)))
    refused = frozenset(one.pair for one in held if not groups.join(one))
    leads = {origin: groups.lead(origin) for origin in names}
    return Grouping(
        lead=leads,
        key={lead: groups.key[lead] for lead in set(leads.values())},
        joins=groups.joins,
        refused=refused,
    )


def _pair_name(one: Link, names: Mapping[int, Identity]) -> list[tuple[str, str]]:
    """Ties are settled by what the identities are called: ids depend on the order things came in."""
    return sorted((names[origin].kind, names[origin].value) for origin in one.pair)


def _holding(links: Iterable[Link], names: Mapping[int, Identity]) -> Iterator[Link]:
    """Yield one link for each pair that is linked, dated by the first statement that counts."""
    by_pair = sorted(links, key=lambda one: (one.pair, one.at))
    for _, group in groupby(by_pair, key=lambda one: one.pair):
        said = list(group)
        explicit = [one for one in said if one.kind != NAMED]
        decided = max(explicit, key=lambda one: _rank(one, names), default=None)
        if decided is None:
            yield said[0]
        elif decided.kind == MERGED:
            named = min((one.at for one in said if one.kind == NAMED), default=decided.at)
            yield attrs.evolve(decided, at=min(named, decided.at))


def _rank(one: Link, names: Mapping[int, Identity]) -> tuple[object, ...]:
    return one.at, one.kind == UNMERGED, one.forced, one.kind == MERGED and names[one.into]


class _Groups:
    """Origins joined so far."""

    def __init__(self, names: Mapping[int, Identity]) -> None:
        self._parent = {origin: origin for origin in names}
        self.key = {origin: name.value if name.kind == KEY else None for origin, name in names.items()}
        self.joins: list[tuple[int, int, int]] = []

    def lead(self, origin: int) -> int:
        while (parent := self._parent[origin]) != origin:
            self._parent[origin] = self._parent[parent]
            origin = parent
        return origin

    def join(self, one: Link) -> bool:
        """Join two groups and tell whether that may be."""
        low, high = self.lead(one.low), self.lead(one.high)
        if low == high:
            return True
        if not one.forced and self.key[low] is not None and self.key[high] is not None:
            return False
        stays, goes = self._ranked(one, low, high)
        self._parent[goes] = stays
        self.key[stays] = self.key[stays] if self.key[stays] is not None else self.key[goes]
        self.joins.append((one.at, one.low, one.high))
        return True

    def _ranked(self, one: Link, low: int, high: int) -> tuple[int, int]:
        """The one with a key stays, else the one a merge went into, else the older."""
        stays = low
        if one.into:
            stays = self.lead(one.into)
        if self.key[stays] is None and (self.key[low] is not None or self.key[high] is not None):
            stays = low if self.key[low] is not None else high
        return stays, high if stays == low else low
