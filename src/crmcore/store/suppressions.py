"""Never contact: addresses, and whole customers.

Where all of a customer is meant, the origin it was named by is suppressed, and so is every customer that origin belongs
to, for as long as it does.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import select

from crmcore.model.identity import Identity
from crmcore.model.statement import Suppress
from crmcore.store import bulk, schema
from crmcore.store.consents import touch
from crmcore.store.identities import Owner
from crmcore.store.scope import Scope
from crmcore.store.sources import source_ids

_COLUMNS = ("id", "channel", "hash", "reason", "at", "until", "source_id", "import_id", "former")
#: A suppression is never weakened by a later one: the longer one stays, and "for ever" is the longest.
_LONGER = """ON CONFLICT (workspace_id, hash, channel) DO UPDATE SET reason = excluded.reason, until = excluded.until,
import_id = excluded.import_id, former = CASE WHEN excluded.import_id IS NULL THEN NULL ELSE {former} END
WHERE crm_suppression.until IS NOT NULL AND (excluded.until IS NULL OR excluded.until > crm_suppression.until)"""
_FORMER = {
    "sqlite": "json_array(crm_suppression.reason, crm_suppression.until)",
    "postgresql": "json_build_array(crm_suppression.reason, crm_suppression.until)::text",
}


def suppress(scope: Scope, statements: Sequence[Suppress], owners: Sequence[Owner]) -> None:
    """Never contact these customers, or these addresses of theirs."""
    sources = source_ids(scope, {one.source for one in statements})
    rows = [
        (
            one.channel,
            scope.hash(one.address or _origin(owner[1])),
            one.reason,
            one.at,
            one.until,
            sources[one.source],
            scope.import_id,
            None,
        )
        for owner, one in zip(owners, statements, strict=True)
    ]
    _write(scope, rows)
    settle(scope, {owner[0] for owner, one in zip(owners, statements, strict=True) if one.address is None})
    touch(scope, (owner[0] for owner in owners))


def settle(scope: Scope, customers: Collection[int]) -> None:
    """Suppress customers as their origins are, and no others."""
    columns = ("customer_id", "origin_id")
    found = bulk.select_in(scope, schema.identity, columns, {}, "customer_id", sorted(customers))
    owner_of = {scope.hash(_origin(origin_id)): customer_id for customer_id, origin_id in found}
    ends: dict[tuple[str, bytes], tuple[Any, ...]] = {}
    for row in _rows(scope, owner_of):
        key = (row.channel, scope.hash(whole_customer(owner_of[row.hash])))
        end = (row.until is None, row.until or 0, row.reason, row.at)
        ends[key] = max(ends.get(key, end), end)
    bulk.delete(scope, schema.suppression, ("hash",), [(scope.hash(whole_customer(one)),) for one in sorted(customers)])
    _write(
        scope,
        [
            (channel, digest, reason, at, None if for_ever else until, None, None, None)
            for (channel, digest), (for_ever, until, reason, at) in sorted(ends.items())
        ],
    )


def whole_customer(customer_id: int) -> Identity:
    """Return what stands for all of a customer in a suppression."""
    return Identity("customer", str(customer_id))


def in_force(scope: Scope, hashes: Sequence[bytes]) -> list[tuple[bytes, str, str, int | None]]:
    """Return the suppressions in force of these hashes: hash, channel, reason, until."""
    return [
        (row.hash, row.channel, row.reason, row.until)
        for row in _rows(scope, hashes)
        if row.until is None or row.until > scope.now
    ]


def of_origins(scope: Scope, origins: Iterable[int], names: Iterable[Identity], at: int) -> set[tuple[str, str]]:
    """Return channel and reason of what had been suppressed at a time, of customers and of addresses."""
    hashes = [scope.hash(_origin(one)) for one in origins] + [scope.hash(name) for name in names]
    return {
        (row.channel, row.reason)
        for row in _rows(scope, hashes)
        if row.at <= at and (row.until is None or row.until > at)
    }


def take_back(scope: Scope, import_id: int) -> int:
    """Take back what an import suppressed; return how many rows that were."""
    row = schema.suppression.c
    found = scope.connection.execute(
        select(row.id, row.former).where(row.workspace_id == scope.workspace_id, row.import_id == import_id)
    ).all()
    kept = [(*json.loads(former), None, None, one) for one, former in found if former is not None]
    bulk.update(scope, schema.suppression, ("reason", "until", "import_id", "former"), ("id",), kept)
    bulk.delete(scope, schema.suppression, ("id",), [(one,) for one, former in found if former is None])
    return len(found)


def _origin(origin_id: int) -> Identity:
    return Identity("origin", str(origin_id))


def _rows(scope: Scope, hashes: Collection[bytes]) -> Sequence[Any]:
    row = schema.suppression.c
    return scope.connection.execute(
        select(row.hash, row.channel, row.reason, row.at, row.until).where(
            row.workspace_id == scope.workspace_id, row.hash.in_(sorted(hashes))
        )
    ).all()


def _write(scope: Scope, rows: Sequence[tuple[Any, ...]]) -> None:
    ids = scope.new_ids(len(rows))
    longer = _LONGER.format(former=_FORMER[scope.connection.dialect.name])
    bulk.insert(scope, schema.suppression, _COLUMNS, [(one, *row) for one, row in zip(ids, rows, strict=True)], longer)
