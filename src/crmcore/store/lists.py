"""Many values as a list of each column: how PostgreSQL takes them in one statement."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from sqlalchemy import Column, Table

from crmcore.store.engine import PLANNED_ANEW
from crmcore.store.schema.columns import RowId
from crmcore.store.scope import Scope

NOTHING_ELSE: Mapping[str, Any] = MappingProxyType({})
_TYPES = {"BIGINT": "bigint", "TEXT": "text", "BOOLEAN": "boolean", "BLOB": "bytea"}


def insert(scope: Scope, table: Table, columns: tuple[str, ...], rows: Sequence[tuple[Any, ...]], then: str) -> int:
    """Insert rows, with an ON CONFLICT clause or ""; return how many were written. What all have the same goes once."""
    given = dict(zip(columns, zip(*rows, strict=True), strict=True))
    differ = _differing(given, columns[0])
    statement = _insert(table, columns, differ, scope.workspace_id, then)
    return scope.connection.exec_driver_sql(statement, _all_bound(table, given, differ)).rowcount


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
    differ = _differing(given, key[0])
    bound = _all_bound(table, given, differ)
    statement = _update(table, columns, key, differ, scope.workspace_id, where)
    return scope.connection.exec_driver_sql(statement, bound, execution_options={PLANNED_ANEW: True}).rowcount


def delete_pairs(scope: Scope, table: Table, pair: tuple[str, str], values: Sequence[tuple[int, int]]) -> None:
    """Delete the rows where a pair of columns is among `values`."""
    given = dict(zip(pair, zip(*values, strict=True), strict=True))
    wanted = f"unnest({_lists(table, pair)}) AS wanted (one, other)"
    mine = f"{table.name}.workspace_id = {scope.workspace_id}"
    found = f"{mine} AND {table.name}.{pair[0]} = wanted.one AND {table.name}.{pair[1]} = wanted.other"
    bound = _all_bound(table, given, pair)
    statement = f"DELETE FROM {table.name} USING {wanted} WHERE {found}"
    scope.connection.exec_driver_sql(statement, bound, execution_options={PLANNED_ANEW: True})


def select_each(
    scope: Scope,
    table: Table,
    columns: tuple[str, ...],
    same: Mapping[str, Any],
    column: str,
    values: Sequence[Any],
    also: Mapping[str, Any] = NOTHING_ELSE,
    lock: str = "",
) -> Sequence[Any]:
    """Return columns of the rows where `same` holds, `column` is among `values`, and what else is asked: {"at >": 5}.

    None is the same where a column has no value. They are locked one after the other where `lock` says how. Each value is looked up by itself: without statistics PostgreSQL would rather read all that is the same, and compare.
    """
    wanted = _bound(table.c[column], list(dict.fromkeys(values)))
    alike = tuple(f"{one} IS NULL" if value is None else f"{one} = %s" for one, value in same.items())
    bound = (wanted, *(value for value in same.values() if value is not None), *also.values())
    statement = _select_each(table, columns, alike, column, tuple(also), lock, scope.workspace_id)
    return scope.connection.exec_driver_sql(statement, bound).all()


@lru_cache(maxsize=256)
def _insert(table: Table, columns: tuple[str, ...], differ: tuple[str, ...], workspace_id: int, then: str) -> str:
    value = _once(table, columns) | {name: f"given.{name}" for name in differ}
    given = f"unnest({_lists(table, differ)}) AS given ({', '.join(differ)})"
    values = ", ".join((str(workspace_id), *(value[name] for name in columns)))
    return f"INSERT INTO {table.name} ({', '.join(('workspace_id', *columns))}) SELECT {values} FROM {given} {then}"


@lru_cache(maxsize=256)
def _update(
    table: Table, columns: tuple[str, ...], key: tuple[str, ...], differ: tuple[str, ...], workspace_id: int, where: str
) -> str:
    value = _once(table, (*columns, *key)) | {name: f"given.new_{name}" for name in differ}
    found = " AND ".join((f"{table.name}.workspace_id = {workspace_id}", *(f"{one} = {value[one]}" for one in key)))
    given = f"unnest({_lists(table, differ)}) AS given ({', '.join(f'new_{name}' for name in differ)})"
    news = ", ".join(f"{name} = {value[name]}" for name in columns)
    return f"UPDATE {table.name} SET {news} FROM {given} WHERE {found} AND {where}"


@lru_cache(maxsize=256)
def _select_each(
    table: Table,
    columns: tuple[str, ...],
    alike: tuple[str, ...],
    column: str,
    also: tuple[str, ...],
    lock: str,
    workspace_id: int,
) -> str:
    given = f"unnest({_marked(table.c[column])}) AS wanted (sought)"
    found = " AND ".join(
        (
            f"workspace_id = {workspace_id}",
            *alike,
            f"{column} = wanted.sought",
            *(f"{one} %s" for one in also),
        )
    )
    each = f"SELECT {', '.join(columns)} FROM {table.name} WHERE {found} OFFSET 0 {lock}"
    return f"SELECT {', '.join(f'found.{one}' for one in columns)} FROM {given} CROSS JOIN LATERAL ({each}) AS found"


def _once(table: Table, names: tuple[str, ...]) -> dict[str, str]:
    return {name: f"%({name})s::{_type(table.c[name])}" for name in names}


def _lists(table: Table, names: tuple[str, ...]) -> str:
    return ", ".join(_marked(table.c[name], f"({name})") for name in names)


def _differing(given: Mapping[str, Sequence[Any]], always: str) -> tuple[str, ...]:
    return tuple(name for name, values in given.items() if name == always or values.count(values[0]) < len(values))


def _all_bound(table: Table, given: Mapping[str, Sequence[Any]], differ: Sequence[str]) -> dict[str, Any]:
    return {name: _bound(table.c[name], values) if name in differ else values[0] for name, values in given.items()}


def _bound(column: Column[Any], values: Sequence[Any]) -> Any:
    """Return a list as text, where that is quick: the driver looks at each value of a list by itself."""
    write = _WRITE.get(_type(column))
    return list(values) if write is None or None in values else write(values)


def _numbers(values: Sequence[int]) -> str:
    return f"{{{','.join(map(str, values))}}}"


def _texts(values: Sequence[str]) -> str:
    # No text holds a NUL, so that all of them can be escaped at once.
    escaped = "\0".join(values).replace("\\", "\\\\").replace('"', '\\"')
    return '{"' + escaped.replace("\0", '","') + '"}'


def _bytes(values: Sequence[bytes]) -> str:
    return '{"\\\\x' + '","\\\\x'.join([one.hex() for one in values]) + '"}'


#: As PostgreSQL reads an array: https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO
_WRITE: dict[str, Callable[[Sequence[Any]], str]] = {"bigint": _numbers, "text": _texts, "bytea": _bytes}


def _marked(column: Column[Any], name: str = "") -> str:
    return f"%{name}s::{_type(column)}[]"


def _type(column: Column[Any]) -> str:
    return "bigint" if isinstance(column.type, RowId) else _TYPES[str(column.type)]
