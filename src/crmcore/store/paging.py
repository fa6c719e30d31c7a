"""The log and the ledger from their first row to their last, a page at a time by id."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from sqlalchemy import Table, func, select

from crmcore.store import bulk, schema
from crmcore.store.functions import aside
from crmcore.store.scope import Scope

PAGE = 5000
EVENT = (
    "id",
    "customer_id",
    "name",
    "occurred_at",
    "item",
    "quantity",
    "amount",
    "currency",
    "ref",
    "properties",
    "source_id",
    "trace",
)
DELIVERY = (
    "id",
    "run_id",
    "step",
    "customer_id",
    "channel",
    "address_id",
    "occurrence",
    "purpose",
    "message_class",
    "state",
    "reason",
    "held_out",
    "arm",
    "template_id",
    "attempt",
    "planned_at",
    "due_at",
    "expires_at",
    "handed_at",
    "settled_at",
    "provider",
    "provider_id",
)


def events(scope: Scope) -> Iterator[Sequence[Any]]:
    """Yield all events, in the order they came in: the columns of EVENT."""
    return pages(scope, schema.event, EVENT)


def deliveries(scope: Scope) -> Iterator[Sequence[Any]]:
    """Yield all deliveries, in the order they were planned: the columns of DELIVERY."""
    return pages(scope, schema.delivery, DELIVERY)


def count(scope: Scope, table: Table) -> int:
    """Return how many rows of a table there are."""
    query = select(func.count()).where(table.c.workspace_id == scope.workspace_id)
    return scope.connection.execute(query).scalar_one()


def by_id(
    scope: Scope, table: Table, columns: tuple[str, ...], ids: Collection[int | None]
) -> dict[int, tuple[Any, ...]]:
    """Return columns of rows by their id; None names no row."""
    wanted = sorted({one for one in ids if one is not None})
    return {one: tuple(rest) for one, *rest in bulk.select_in(scope, table, ("id", *columns), {}, "id", wanted)}


def pages(scope: Scope, table: Table, columns: Sequence[str]) -> Iterator[Sequence[Any]]:
    """Yield columns, `id` first, of all rows of a table by their ids."""
    row, last = table.c, -1
    query = select(*(row[name] for name in columns)).order_by(row.id).limit(PAGE)
    mine = query.where(aside(row.workspace_id) == scope.workspace_id)
    while page := scope.connection.execute(mine.where(row.id > last)).all():
        yield page
        last = page[-1].id
