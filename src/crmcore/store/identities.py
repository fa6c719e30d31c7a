"""From identities to customers."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import attrs
from sqlalchemy import select

from crmcore.errors import UnknownCustomer
from crmcore.model.identity import KEY, Identity, Who, identities
from crmcore.store import bulk
from crmcore.store.schema import identity
from crmcore.store.scope import Scope

Named = tuple[Identity, ...]
#: Where an identity leads: the customer it belongs to now, and the origin it came in under.
Owner = tuple[int, int]
#: How many values one IN list takes; SQLite allows 32,766 parameters.
IN_LIST = 10_000
#: How PostgreSQL locks identities: of one that is held, or claimed, nobody else changes where it leads.
HELD, HELD_IF_FREE, CLAIMED = "FOR SHARE", "FOR SHARE SKIP LOCKED", "FOR NO KEY UPDATE"


@attrs.frozen(kw_only=True)
class Found:
    """The owner each known identity leads to, and which of them are addresses that are removed."""

    owners: Mapping[Identity, Owner]
    removed: frozenset[Identity]


def find(scope: Scope, names: Iterable[Identity]) -> Mapping[Identity, Owner]:
    """Return the owner each known identity leads to."""
    return _find(scope, names, "").owners


def find_and_hold(scope: Scope, names: Iterable[Identity]) -> Found:
    """Return the same, and which are removed; until the transaction ends none of them comes to lead to another customer."""
    return _find(scope, names, HELD)


def find_and_claim(scope: Scope, names: Iterable[Identity]) -> Found:
    """Return the same; until the transaction ends nobody else says anything of these customers."""
    return _find(scope, names, CLAIMED)


def claim(scope: Scope, customers: Collection[int]) -> None:
    """Let nobody else say anything of these customers until the transaction ends."""
    bulk.select_held(scope, identity, ("id",), {}, "customer_id", sorted(customers), CLAIMED)


def hold_free(scope: Scope, names: Collection[Identity]) -> bool:
    """Hold identities; tell whether all are known, and nobody is about to let them lead to another customer.

    On SQLite that is so as soon as something has been written, and nothing may be read before.
    """
    return scope.connection.dialect.name == "sqlite" or len(_find(scope, names, HELD_IF_FREE).owners) == len(set(names))


def _find(scope: Scope, names: Iterable[Identity], lock: str) -> Found:
    kinds: dict[str, dict[str, Identity]] = {}
    for name in names:
        kinds.setdefault(name.kind, {})[name.value] = name
    found: dict[Identity, Owner] = {}
    removed: set[Identity] = set()
    for kind in sorted(kinds):
        named = kinds[kind]
        columns = ("value", "customer_id", "origin_id", "removed_at")
        rows = bulk.select_held(scope, identity, columns, {"kind": kind}, "value", sorted(named), lock)
        found.update((named[value], (customer_id, origin_id)) for value, customer_id, origin_id, _ in rows)
        removed.update(named[value] for value, _, _, removed_at in rows if removed_at is not None)
    return Found(owners=found, removed=frozenset(removed))


def owner(scope: Scope, who: Who) -> Owner:
    """Return the owner of the first identity a caller names that is known; raise UnknownCustomer."""
    named = identities(who)
    found = find(scope, named)
    for one in named:
        if one in found:
            return found[one]
    raise UnknownCustomer(kind=named[0].kind, value=named[0].value)


def owners(scope: Scope, named: Sequence[Who]) -> list[Owner]:
    """Return the owner of each that callers name; raise UnknownCustomer for the first who is not there.

    Its field `places` says of all who are not there which of them they are, from 0, and `kinds` what kinds of identities
    there are at all.
    """
    wanted = [identities(who) for who in named]
    found = find(scope, (one for names in wanted for one in names))
    if unknown := [place for place, names in enumerate(wanted) if not any(one in found for one in names)]:
        first = wanted[unknown[0]][0]
        raise UnknownCustomer(kind=first.kind, value=first.value, places=unknown, kinds=_kinds(scope))
    return [next(found[one] for one in names if one in found) for names in wanted]


def _kinds(scope: Scope) -> list[str]:
    row = identity.c
    query = select(row.kind).where(row.workspace_id == scope.workspace_id).distinct().order_by(row.kind)
    return list(scope.connection.execute(query).scalars())


def with_key(scope: Scope, customers: Collection[int]) -> set[int]:
    """Return those of customers whom the host knows by a key."""
    rows = bulk.select_in(scope, identity, ("customer_id",), {"kind": KEY}, "customer_id", sorted(customers))
    return {customer_id for (customer_id,) in rows}
