"""Deleting what has been kept for long enough: some rows at a time, found by an index or by their ids, which tell their age."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
from sqlalchemy import ColumnElement, Select, Table, and_, delete, func, select, update

from crmcore.model.ids import first_id
from crmcore.model.time import DAY
from crmcore.store import bulk, identities, schema, sums
from crmcore.store.scope import Scope
from crmcore.store.touched import event_key

BATCH = 1000
#: Before all rows.
BEGINNING = -1
_THEN = "ON CONFLICT (workspace_id, kind) DO UPDATE SET reached = excluded.reached"


@attrs.frozen
class Kind:
    """Rows of a table that go, or of which only `emptied` columns do; `over` tells those that nobody needs any more."""

    table: Table
    emptied: tuple[tuple[str, str | None], ...] = ()
    over: ColumnElement[bool] | None = None
    full: ColumnElement[bool] | None = None


_OUT, _IMPORT, _SENT, _RAW = schema.webhook.c, schema.import_run.c, schema.delivery.c, schema.receipt.c
#: What goes whole.
ROWS = {
    "quarantine": Kind(schema.quarantine),
    "imports": Kind(schema.import_run, over=_IMPORT.finished_at.is_not(None)),
    "webhooks": Kind(schema.webhook, over=_OUT.settled_at.is_not(None)),
}
#: What goes in part; `full` are those of which it has not gone yet.
PARTS = {
    "receipts": Kind(schema.receipt, emptied=(("raw", ""),), full=_RAW.raw != ""),
    "contexts": Kind(
        schema.delivery,
        emptied=(("context", None), ("fields", None)),
        over=_SENT.settled_at.is_not(None),
        full=_SENT.context.is_not(None) | _SENT.fields.is_not(None),
    ),
}


def event_names(scope: Scope) -> list[str]:
    """Return what events are called, each found by the one before it: not all events are looked through."""
    row, found = schema.event.c, list[str]()
    query = select(row.name).where(row.workspace_id == scope.workspace_id).order_by(row.name).limit(1)
    while (name := scope.connection.execute(query.where(row.name > (found[-1] if found else ""))).scalar()) is not None:
        found.append(name)
    return found


def old_events(scope: Scope, name: str, before: int) -> Select[Any]:
    """Return the select of events of a name on days that were over at a time, the earliest first."""
    row = schema.event.c
    columns = (row.id, row.customer_id, row.occurred_at, row.currency, row.quantity, row.amount)
    mine = (row.workspace_id == scope.workspace_id, row.name == name, row.occurred_at < before // DAY * DAY)
    return select(*columns).where(*mine).order_by(row.occurred_at)


def delete_events(scope: Scope, name: str, before: int) -> int:
    """Delete some of these events, and take them from what their customers' events add up to; return how many.

    Sums go over to nobody, so that those of all customers together stay; segments are looked at anew.
    """
    rows = _held(scope, scope.connection.execute(old_events(scope, name, before).limit(BATCH)).all())
    _take_from_sums(scope, name, rows)
    bulk.delete(scope, schema.event, ("id",), [(row.id,) for row in rows])
    for row in rows:
        scope.touched.note(row.customer_id, event_key(name))
    return len(rows)


def _held(scope: Scope, rows: Sequence[Any]) -> Sequence[Any]:
    """Return those of events that are there still, once nobody else deletes them or lets them go over to others."""
    customers = {row.customer_id for row in rows}
    identities.claim(scope, customers)
    columns = ("id", "customer_id", "occurred_at", "currency", "quantity", "amount")
    ids = [row.id for row in rows]
    found = bulk.select_held(scope, schema.event, columns, {}, "id", ids, "FOR UPDATE")
    return [row for row in found if row.customer_id in customers]


def _take_from_sums(scope: Scope, name: str, rows: Sequence[Any]) -> None:
    taken: dict[tuple[int, int, str], list[int]] = {}
    for row in rows:
        key = (sums.day_of(row.occurred_at), row.customer_id, row.currency or "")
        one = taken.setdefault(key, [0, 0, 0])
        taken[key] = [one[0] + 1, one[1] + (row.quantity or 0), one[2] + (row.amount or 0)]
    ordered = sorted(taken.items())
    bulk.run_many(scope, _LESS, [(*less, day, who, name, money) for (day, who, money), less in ordered])
    bulk.run_many(scope, _NONE_LEFT, [(day, who, name, money) for (day, who, money), _ in ordered])
    given: dict[tuple[int, str], list[int]] = {}
    for (day, _, money), less in ordered:
        one = given.get((day, money), [0, 0, 0])
        given[day, money] = [had + more for had, more in zip(one, less, strict=True)]
    sums.add_to_nobody(
        scope,
        [
            (day, name, money, count, quantity, amount)
            for (day, money), (count, quantity, amount) in sorted(given.items())
        ],
    )


_KEY = "workspace_id = @ AND day = : AND customer_id = : AND name = : AND currency = :"
_LESS = f"UPDATE crm_event_day SET count = count - :, quantity = quantity - :, amount = amount - : WHERE {_KEY}"
_NONE_LEFT = f"DELETE FROM crm_event_day WHERE {_KEY} AND count <= 0"


def old_rows(scope: Scope, kind: Kind, before: int, after: int = BEGINNING) -> Select[Any]:
    """Return the select of the ids of rows made before a time, the earliest first, those after an id."""
    row = kind.table.c
    aged = and_(bulk.mine_by_id(scope, kind.table), row.id < first_id(before), row.id > after)
    return select(row.id).where(aged, *([] if kind.over is None else [kind.over])).order_by(row.id)


def delete_rows(scope: Scope, kind: Kind, before: int) -> int:
    """Delete some of the rows made before a time; return how many."""
    ids = list(scope.connection.execute(old_rows(scope, kind, before).limit(BATCH)).scalars())
    row = kind.table.c
    gone = delete(kind.table).where(bulk.mine_by_id(scope, kind.table), bulk.among(scope, row.id, ids))
    scope.connection.execute(gone)
    return len(ids)


def empty_rows(scope: Scope, kind: Kind, before: int, after: int) -> tuple[int, int | None]:
    """Empty some of the rows made before a time, those after an id; return how many, and the id of the last."""
    ids = list(scope.connection.execute(old_rows(scope, kind, before, after).limit(BATCH)).scalars())
    row = kind.table.c
    its = (bulk.mine_by_id(scope, kind.table), bulk.among(scope, row.id, ids))
    assert kind.full is not None
    emptied = update(kind.table).where(*its, kind.full).values(**dict(kind.emptied))
    return scope.connection.execute(emptied).rowcount, ids[-1] if ids else None


def reached(scope: Scope, name: str) -> int:
    """Return up to which row things of a kind have been emptied."""
    row = schema.retention.c
    query = select(row.reached).where(row.workspace_id == scope.workspace_id, row.kind == name)
    return scope.connection.execute(query).scalar() or BEGINNING


def reach(scope: Scope, name: str, row_id: int) -> None:
    """Note that."""
    bulk.insert(scope, schema.retention, ("kind", "reached"), [(name, row_id)], _THEN)


def count(scope: Scope, query: Select[Any]) -> int:
    """Return how many rows a select of this file has."""
    found: int = scope.connection.execute(select(func.count()).select_from(query.subquery())).scalar_one()
    return found
