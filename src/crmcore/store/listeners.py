"""Which runs look out for which events, and whom they refused."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import cache
from typing import Any

import attrs
from sqlalchemy import BigInteger, Select, bindparam, select

from crmcore.store import bulk, schema
from crmcore.store.scope import Scope


def listen(scope: Scope, run_id: int, names: Collection[str]) -> None:
    """Let a run look out for events of these names, and no others."""
    unlisten(scope, run_id)
    bulk.insert(scope, schema.listener, ("name", "run_id"), [(name, run_id) for name in sorted(names)])


def unlisten(scope: Scope, run_id: int) -> None:
    """Let a run look out for nothing more."""
    bulk.delete(scope, schema.listener, ("run_id",), [(run_id,)])


def listening(scope: Scope, names: Iterable[str]) -> dict[int, set[str]]:
    """Return the runs that look out for events of these names, and for which of them."""
    given = {"workspace": scope.workspace_id, "names": sorted(names)}
    return _grouped(scope.connection.execute(_listening(), given))


@cache
def _listening() -> Select[Any]:
    """Every transaction that appends events asks it: it is built once."""
    row = schema.listener.c
    mine = row.workspace_id == bindparam("workspace", type_=BigInteger())
    return select(row.run_id, row.name).where(mine, row.name.in_(bindparam("names", expanding=True)))


def listening_to(scope: Scope, prefix: str) -> dict[int, set[str]]:
    """Return the runs that look out for what begins so, such as changes of attributes, and for what of it."""
    row = schema.listener.c
    after = prefix[:-1] + chr(ord(prefix[-1]) + 1)
    query = select(row.run_id, row.name).where(
        row.workspace_id == scope.workspace_id, row.name >= prefix, row.name < after
    )
    return _grouped(scope.connection.execute(query))


def _grouped(rows: Iterable[Any]) -> dict[int, set[str]]:
    found: dict[int, set[str]] = {}
    for run_id, name in rows:
        found.setdefault(run_id, set()).add(name)
    return dict(sorted(found.items()))


@attrs.frozen(kw_only=True)
class Refusal:
    """A match that let a customer not enter a run, and why: how often that was, and when."""

    run_id: int
    customer_id: int
    reason: str
    count: int
    first_at: int
    last_at: int


def refuse(scope: Scope, run_id: int, refused: Sequence[tuple[int, str]]) -> None:
    """Count matches that let nobody enter: a customer and a reason each."""
    rows = [(run_id, customer_id, reason, 1, scope.now, scope.now) for customer_id, reason in refused]
    columns = "run_id, customer_id, reason, count, first_at, last_at"
    more = "count = crm_refusal.count + 1, last_at = excluded.last_at"
    key = "workspace_id, run_id, customer_id, reason"
    values = f"INSERT INTO crm_refusal (workspace_id, {columns}) VALUES (@, :, :, :, :, :, :)"
    bulk.run_many(scope, f"{values} ON CONFLICT ({key}) DO UPDATE SET {more}", rows)


def refusals(scope: Scope, customer_id: int) -> list[Refusal]:
    """Return what was refused to a customer, by run and reason."""
    row = schema.refusal.c
    columns = [row[field.name] for field in attrs.fields(Refusal)]
    query = select(*columns).where(row.workspace_id == scope.workspace_id, row.customer_id == customer_id)
    names = [field.name for field in attrs.fields(Refusal)]
    found = scope.connection.execute(query.order_by(row.run_id, row.reason))
    return [Refusal(**dict(zip(names, one, strict=True))) for one in found]
