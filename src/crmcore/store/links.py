"""Links between origins: what was said of who is who, and which of it is refused."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import attrs
from sqlalchemy import func, select

from crmcore.model.identity import KEY, Identity
from crmcore.model.linking import MERGED, NAMED, UNMERGED, Link, grouped
from crmcore.store import bulk, schema
from crmcore.store.identities import CLAIMED
from crmcore.store.scope import Scope

_COLUMNS = ("id", "low", "high", "kind", "into_id", "at", "forced", "refused", "reason", "received_at", "import_id")
_OF_LINK = ("id", "low", "high", "kind", "into_id", "at", "forced", "refused", "received_at")
_FORCED = """ON CONFLICT (workspace_id, low, high, kind, at, into_id, import_id) DO UPDATE SET
forced = crm_link.forced OR excluded.forced"""


#: Two identities that a statement said to be one customer.
Both = tuple[Identity, Identity]


@attrs.frozen(kw_only=True)
class Statement:
    """A link as it is written."""

    link: Link
    reason: str = ""


@attrs.frozen(kw_only=True)
class Neighbourhood:
    """Origins and all that links can reach from them.

    The identity of each, the customer it leads to now, since when it is known (microseconds UTC), and the links.
    """

    names: dict[int, Identity]
    owners: dict[int, int]
    since: dict[int, int]
    links: list[Link]
    refused: frozenset[tuple[int, int]]


def write(scope: Scope, said: Sequence[Statement]) -> None:
    """Keep statements; the same one again changes nothing, but may force."""
    ids = scope.new_ids(len(said))
    rows = [
        (
            new_id,
            *one.link.pair,
            one.link.kind,
            one.link.into,
            one.link.at,
            one.link.forced,
            False,
            one.reason,
            scope.now,
            scope.import_id or 0,
        )
        for new_id, one in zip(ids, said, strict=True)
    ]
    bulk.insert(scope, schema.link, _COLUMNS, rows, _FORCED)


def named_since(scope: Scope, pairs: Collection[tuple[int, int]]) -> dict[tuple[int, int], int]:
    """Return when each pair was first named together; pairs that never were are not in it.

    What another import said does not count: it may be taken back.
    """
    columns = ("low", "high", "at", "import_id")
    since: dict[tuple[int, int], int] = {}
    for low, high, at, import_id in bulk.select_pairs(
        scope, schema.link, columns, {"kind": NAMED}, ("low", "high"), pairs
    ):
        if import_id in (0, scope.import_id):
            since[low, high] = min(at, since.get((low, high), at))
    return since


def around(scope: Scope, origins: Iterable[int], known_at: int | None = None) -> Neighbourhood:
    """Return all that links can reach from origins: all links, or those that had come in by a time."""
    names: dict[int, Identity] = {}
    owners: dict[int, int] = {}
    since: dict[int, int] = {}
    links: dict[int, Any] = {}
    frontier = set(origins)
    while frontier:
        reached = _identities_beside(scope, frontier)
        for kind, value, customer_id, origin_id, created_at in reached:
            owners[origin_id] = customer_id
            names[origin_id] = _name(names.get(origin_id), Identity(kind, value))
            since[origin_id] = min(created_at, since.get(origin_id, created_at))
        new = {row.id: row for row in _links_of(scope, {row.origin_id for row in reached})}
        if known_at is not None:
            new = {one: row for one, row in new.items() if row.received_at <= known_at}
        links |= new
        frontier = {end for row in new.values() for end in (row.low, row.high) if end not in names}
    return Neighbourhood(
        names=names,
        owners=owners,
        since=since,
        links=[_link(row) for row in links.values()],
        refused=frozenset((row.low, row.high) for row in links.values() if row.refused),
    )


def around_and_claimed(scope: Scope, origins: Iterable[int]) -> Neighbourhood:
    """Return all that links can reach from origins; until the transaction ends nobody else changes whom they lead to."""
    near, claimed = around(scope, origins), set[int]()
    while near.names.keys() - claimed and scope.connection.dialect.name != "sqlite":
        claimed |= near.names.keys()
        bulk.select_held(scope, schema.identity, ("id",), {}, "origin_id", sorted(claimed), CLAIMED)
        near = around(scope, claimed)
    return near


def origins_known(scope: Scope, known_at: int, after: int, limit: int) -> list[int]:
    """Return the origins that were known at a time, by id, those after an id first."""
    row = schema.identity.c
    query = select(row.origin_id).where(
        row.workspace_id == scope.workspace_id, row.origin_id > after, row.created_at <= known_at
    )
    return list(scope.connection.execute(query.distinct().order_by(row.origin_id).limit(limit)).scalars())


def joins(scope: Scope, origins: Iterable[int]) -> Sequence[tuple[int, int, int]]:
    """Return the joins among origins and all they are joined with, in the order of their time."""
    near = around(scope, origins)
    return grouped(near.names, near.links).joins


def flag(scope: Scope, refused: Iterable[tuple[int, int]], accepted: Iterable[tuple[int, int]]) -> None:
    """Note which pairs are refused, and which are not any more."""
    rows = [(True, *pair) for pair in sorted(refused)] + [(False, *pair) for pair in sorted(accepted)]
    bulk.update(scope, schema.link, ("refused",), ("low", "high"), rows)


@attrs.frozen(kw_only=True)
class Contradiction:
    """A statement that two identities are one customer, refused since it would join two known by a key."""

    one: Identity
    other: Identity
    kind: str
    at: int
    reason: str


def contradictions(scope: Scope, limit: int) -> list[Contradiction]:
    """Return what is refused, the latest first."""
    row = schema.link.c
    found = scope.connection.execute(
        select(row.low, row.high, row.kind, row.at, row.reason)
        .where(row.workspace_id == scope.workspace_id, row.refused)
        .order_by(row.at.desc(), row.id.desc())
        .limit(limit)
    ).all()
    names = names_of(scope, {end for low, high, *_ in found for end in (low, high)})
    return [
        Contradiction(one=names[low], other=names[high], kind=kind, at=at, reason=reason)
        for low, high, kind, at, reason in found
    ]


def apart(scope: Scope) -> set[tuple[int, int]]:
    """Return the pairs of customers, the lesser id first, of whom it was said last that they are two."""
    row, merged = schema.link.c, schema.link.alias("merged").c
    later = select(merged.id).where(
        merged.workspace_id == scope.workspace_id,
        merged.low == row.low,
        merged.high == row.high,
        merged.kind == MERGED,
        merged.at > row.at,
    )
    query = select(row.low, row.high).where(row.workspace_id == scope.workspace_id, row.kind == UNMERGED)
    pairs = scope.connection.execute(query.where(~later.exists())).all()
    ends = sorted({end for pair in pairs for end in pair})
    found = bulk.select_in(scope, schema.identity, ("origin_id", "customer_id"), {}, "origin_id", ends)
    owners: dict[int, int] = {origin: customer_id for origin, customer_id in found}
    return {_sorted(owners[low], owners[high]) for low, high in pairs if low in owners and high in owners}


def refused_between(scope: Scope, pairs: Collection[tuple[int, int]]) -> dict[tuple[int, int], tuple[Both, ...]]:
    """Return what refused statements said to be one of pairs of customers (the lesser id first): two identities each."""
    customers = sorted({customer_id for pair in pairs for customer_id in pair})
    columns = ("kind", "value", "customer_id", "origin_id")
    rows = bulk.select_in(scope, schema.identity, columns, {}, "customer_id", customers)
    ends = {row.origin_id: (row.customer_id, Identity(row.kind, row.value)) for row in rows}
    refused = bulk.select_in(scope, schema.link, ("low", "high"), {"refused": True}, "low", sorted(ends))
    found: dict[tuple[int, int], set[Both]] = {pair: set() for pair in pairs}
    for low, high in refused:
        if high in ends and (pair := _sorted(ends[low][0], ends[high][0])) in found:
            found[pair].add((ends[low][1], ends[high][1]))
    return {pair: tuple(sorted(said)) for pair, said in found.items()}


def _sorted(one: int, other: int) -> tuple[int, int]:
    return (one, other) if one < other else (other, one)


def refused_of_import(scope: Scope, import_id: int) -> int:
    """Return how many statements of an import are refused."""
    row = schema.link.c
    query = select(func.count()).where(
        row.workspace_id == scope.workspace_id, row.import_id == import_id, row.refused, row.import_id != 0
    )
    return scope.connection.execute(query).scalar_one()


def names_of(scope: Scope, origins: Collection[int]) -> dict[int, Identity]:
    """Return the identity each origin came in under."""
    names: dict[int, Identity] = {}
    columns = ("origin_id", "kind", "value")
    for origin, kind, value in bulk.select_in(scope, schema.identity, columns, {}, "origin_id", sorted(origins)):
        names[origin] = _name(names.get(origin), Identity(kind, value))
    return names


def _identities_beside(scope: Scope, origins: Iterable[int]) -> Sequence[Any]:
    """Return the identities of the customers that origins lead to."""
    owners = bulk.select_in(scope, schema.identity, ("customer_id",), {}, "origin_id", sorted(origins))
    columns = ("kind", "value", "customer_id", "origin_id", "created_at")
    customers = sorted({customer_id for (customer_id,) in owners})
    return bulk.select_in(scope, schema.identity, columns, {}, "customer_id", customers)


def _links_of(scope: Scope, origins: Iterable[int]) -> list[Any]:
    ends = sorted(origins)
    by_low = bulk.select_in(scope, schema.link, _OF_LINK, {}, "low", ends)
    return [*by_low, *bulk.select_in(scope, schema.link, _OF_LINK, {}, "high", ends)]


def _link(row: Any) -> Link:
    return Link(
        low=row.low,
        high=row.high,
        kind=row.kind,
        at=row.at,
        into=row.into_id,
        forced=bool(row.forced),
        received_at=row.received_at,
    )


def _name(known: Identity | None, other: Identity) -> Identity:
    """Several identities may have come in under one origin in the first release: the key names it, else the first."""
    if known is None:
        return other
    return min(known, other, key=lambda one: (one.kind != KEY, one))
