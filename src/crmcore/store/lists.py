"""Many values as a list of each column: how PostgreSQL takes them in one statement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Column, Table

from crmcore.store.engine import PLANNED_ANEW
from crmcore.store.schema.columns import RowId
from crmcore.store.scope import Scope

_TYPES = {"BIGINT": "bigint", "TEXT": "text", "BOOLEAN": "boolean", "BLOB": "bytea"}


def update(
    scope: Scope,
    table: Table,
    columns: tuple[str, ...],
    key: tuple[str, ...],
    rows: Sequence[tuple[Any, ...]],
    where: str,
) -> int:
    """Update rows by key, as far as they are as `where` says; return how many. What all have the same goes once."""
    given = dict(zip((*columns, *key), zip(*rows, strict=True), strict=True))
    differ = [name for name, values in given.items() if name == key[0] or values.count(values[0]) < len(values)]
    bound = {name: _bound(table.c[name], values) if name in differ else values[0] for name, values in given.items()}
    statement = _update(table, columns, key, tuple(differ), scope.workspace_id, where)
    return scope.connection.exec_driver_sql(statement, bound, execution_options={PLANNED_ANEW: True}).rowcount


def select_each(
    scope: Scope, table: Table, columns: tuple[str, ...], same: Mapping[str, Any], column: str, values: Sequence[Any]
) -> Sequence[Any]:
    """Return columns of the rows where `same` holds and `column` is among `values`.

    Each value is looked up by itself: without statistics PostgreSQL would rather read all that is the same, and compare.
    """
    wanted = _bound(table.c[column], list(dict.fromkeys(values)))
    statement = _select_each(table, columns, tuple(same), column, scope.workspace_id)
    return scope.connection.exec_driver_sql(statement, (wanted, *same.values())).all()


@lru_cache(maxsize=256)
def _update(
    table: Table, columns: tuple[str, ...], key: tuple[str, ...], differ: tuple[str, ...], workspace_id: int, where: str
) -> str:
    once = {name: f"%({name})s::{_type(table.c[name])}" for name in (*columns, *key)}
    value = once | {name: f"given.new_{name}" for name in differ}
    found = " AND ".join((f"{table.name}.workspace_id = {workspace_id}", *(f"{one} = {value[one]}" for one in key)))
    lists = ", ".join(_marked(table.c[name], f"({name})") for name in differ)
    given = f"unnest({lists}) AS given ({', '.join(f'new_{name}' for name in differ)})"
    news = ", ".join(f"{name} = {value[name]}" for name in columns)
    return f"UPDATE {table.name} SET {news} FROM {given} WHERE {found} AND {where}"


@lru_cache(maxsize=256)
def _select_each(table: Table, columns: tuple[str, ...], same: tuple[str, ...], column: str, workspace_id: int) -> str:
    given = f"unnest({_marked(table.c[column])}) AS wanted (sought)"
    found = " AND ".join(
        (f"workspace_id = {workspace_id}", *(f"{one} = %s" for one in same), f"{column} = wanted.sought")
    )
    each = f"SELECT {', '.join(columns)} FROM {table.name} WHERE {found} OFFSET 0"
    return f"SELECT {', '.join(f'found.{one}' for one in columns)} FROM {given} CROSS JOIN LATERAL ({each}) AS found"


def _bound(column: Column[Any], values: Sequence[Any]) -> Any:
    """Return a list as the driver is quickest with it: numbers as a text that it need not look into."""
    if _type(column) != "bigint" or None in values:
        return list(values)
    return f"{{{','.join(map(str, values))}}}"


def _marked(column: Column[Any], name: str = "") -> str:
    kind = _type(column)
    return f"%{name}{'s' if kind == 'bigint' else 'b'}::{kind}[]"


def _type(column: Column[Any]) -> str:
    return "bigint" if isinstance(column.type, RowId) else _TYPES[str(column.type)]
