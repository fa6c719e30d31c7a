"""Many rows at once: one statement text and a list of tuples, the quickest way through SQLAlchemy."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Connection,
    Result,
    Table,
    Text,
    any_,
    bindparam,
    func,
    literal,
    literal_column,
    select,
    text,
)
from sqlalchemy.types import TypeEngine

from crmcore.store import copying, lists
from crmcore.store.scope import Scope

NEW_ONLY = "ON CONFLICT DO NOTHING"
MARKS = {"qmark": "?", "format": "%s", "pyformat": "%s"}


def insert(scope: Scope, table: Table, columns: Sequence[str], rows: Sequence[tuple[Any, ...]], then: str = "") -> None:
    """Insert rows whose tuples hold `columns` in order, the workspace added; `then` is an ON CONFLICT clause."""
    if not copying.is_worth_it(scope.connection, rows):
        _insert_one_by_one(scope, table, columns, rows, then)
    elif then or scope.isolated:
        lists.insert(scope, table, tuple(columns), rows, then)
    else:
        copying.insert(scope.connection, table.name, columns, scope.workspace_id, rows)


def _insert_one_by_one(
    scope: Scope, table: Table, columns: Sequence[str], rows: Sequence[tuple[Any, ...]], then: str
) -> int:
    if not rows:
        return 0
    statement = _insert(table.name, tuple(columns), then, scope.workspace_id, mark(scope.connection))
    return scope.connection.exec_driver_sql(statement, list(rows)).rowcount


def update(
    scope: Scope, table: Table, columns: Sequence[str], key: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Update rows by key; the tuples hold the new values of `columns`, then those of `key`."""
    if rows:
        statement = _update(table.name, tuple(columns), tuple(key), scope.workspace_id, mark(scope.connection))
        scope.connection.exec_driver_sql(statement, list(rows))


def update_all(
    scope: Scope, table: Table, columns: Sequence[str], key: Sequence[str], rows: Sequence[tuple[Any, ...]], where: str
) -> int:
    """Update rows by key, in any order, as far as they are as `where` says; return how many. Tuples are as in `update`.

    PostgreSQL takes them as one statement, SQLite one by one: each is quickest so.
    """
    if not rows:
        return 0
    if scope.connection.dialect.name == "postgresql":
        return lists.update(scope, table, tuple(columns), tuple(key), rows, where)
    statement = _update_where(table, tuple(columns), tuple(key), scope.workspace_id, where)
    return scope.connection.exec_driver_sql(statement, list(rows)).rowcount


def delete(scope: Scope, table: Table, key: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Delete rows by key."""
    if rows:
        statement = _delete(table.name, tuple(key), scope.workspace_id, mark(scope.connection))
        scope.connection.exec_driver_sql(statement, list(rows))


def delete_pairs(scope: Scope, table: Table, pair: tuple[str, str], values: Collection[tuple[int, int]]) -> None:
    """Delete the rows where a pair of numbers is among `values`, however many they are: each is looked up by itself."""
    if scope.connection.dialect.name == "sqlite":
        delete(scope, table, pair, sorted(values))
    elif values:
        lists.delete_pairs(scope, table, pair, sorted(values))


def insert_new(scope: Scope, table: Table, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> int:
    """Insert the rows whose key is not there yet; return how many those were."""
    if copying.is_worth_it(scope.connection, rows):
        return lists.insert(scope, table, tuple(columns), rows, NEW_ONLY)
    return _insert_one_by_one(scope, table, columns, rows, NEW_ONLY)


def select_in(
    scope: Scope, table: Table, columns: Sequence[str], same: Mapping[str, Any], column: str, values: Sequence[Any]
) -> Sequence[Any]:
    """Return columns of the rows where `same` holds and `column` (text or number) is among `values`, however many."""
    if not values:
        return []
    if scope.connection.dialect.name == "postgresql":
        return lists.select_each(scope, table, tuple(columns), same, column, values)
    statement = _select_in(table.name, tuple(columns), tuple(same), column, scope.workspace_id)
    return scope.connection.exec_driver_sql(statement, (*same.values(), json.dumps(values))).all()


def select_in_without(
    scope: Scope, table: Table, columns: Sequence[str], column: str, values: Sequence[Any], without: str
) -> Sequence[Any]:
    """Return the rows that `select_in` does, and of these those that have no value of another column."""
    if not values:
        return []
    if scope.connection.dialect.name == "postgresql":
        return lists.select_each(scope, table, tuple(columns), {without: None}, column, values)
    statement = _select_in(table.name, tuple(columns), (), column, scope.workspace_id)
    return scope.connection.exec_driver_sql(f"{statement} AND {without} IS NULL", (json.dumps(values),)).all()


def select_held(
    scope: Scope,
    table: Table,
    columns: Sequence[str],
    same: Mapping[str, Any],
    column: str,
    values: Sequence[Any],
    lock: str,
) -> Sequence[Any]:
    """Return the rows that `select_in` does, as they are once nobody else is changing them; `lock` is FOR SHARE or the like.

    On SQLite whoever writes is alone.
    """
    if scope.connection.dialect.name == "sqlite" or not values:
        return select_in(scope, table, columns, same, column, values)
    return lists.select_each(scope, table, tuple(columns), same, column, values, lock=lock)


def select_in_after(
    scope: Scope,
    table: Table,
    columns: Sequence[str],
    same: Mapping[str, Any],
    column: str,
    values: Sequence[Any],
    later: str,
    than: int | None,
) -> Sequence[Any]:
    """Return the rows that `select_in` does, and of these those of which `later` is greater than a number, if one is given."""
    if than is None:
        return select_in(scope, table, columns, same, column, values)
    return _select_in_and(scope, table, columns, same, column, values, {f"{later} >": than})


def select_in_between(
    scope: Scope,
    table: Table,
    columns: Sequence[str],
    column: str,
    values: Sequence[Any],
    between: str,
    ends: tuple[Any, Any],
) -> Sequence[Any]:
    """Return columns of the rows where `column` is among `values`, and those of `between` lie between two ends."""
    also = {f"{between} >": ends[0], f"{between} <": ends[1]}
    return _select_in_and(scope, table, columns, {}, column, values, also)


def _select_in_and(
    scope: Scope,
    table: Table,
    columns: Sequence[str],
    same: Mapping[str, Any],
    column: str,
    values: Sequence[Any],
    also: Mapping[str, Any],
) -> Sequence[Any]:
    if not values:
        return []
    if scope.connection.dialect.name == "postgresql":
        return lists.select_each(scope, table, tuple(columns), same, column, values, also)
    statement = _select_in(table.name, tuple(columns), tuple(same), column, scope.workspace_id)
    asked = "".join(f" AND {one} ?" for one in also)
    bound = (*same.values(), json.dumps(values), *also.values())
    return scope.connection.exec_driver_sql(f"{statement}{asked}", bound).all()


def select_bytes(
    scope: Scope, table: Table, columns: Sequence[str], column: str, values: Sequence[bytes]
) -> Sequence[Any]:
    """Return columns of the rows in which `column` is among `values` (bytes), which JSON cannot hold."""
    if scope.connection.dialect.name == "postgresql":
        return select_in(scope, table, columns, {}, column, values)
    marks = ", ".join("?" * len(values))
    named = f"SELECT {', '.join(columns)} FROM {table.name} WHERE workspace_id = {scope.workspace_id}"
    return scope.connection.exec_driver_sql(f"{named} AND {column} IN ({marks})", tuple(values)).all() if values else []


def select_pairs(
    scope: Scope,
    table: Table,
    columns: Sequence[str],
    same: Mapping[str, Any],
    pair: tuple[str, str],
    values: Collection[tuple[int, int]],
) -> Sequence[Any]:
    """Return columns of the rows where `same` holds and a pair of numbers is among `values`, however many they are."""
    if not values:
        return []
    dialect = scope.connection.dialect.name
    statement = _select_pairs(table.name, tuple(columns), tuple(same), pair, scope.workspace_id, dialect)
    wanted = (json.dumps(sorted(values)),) if dialect == "sqlite" else tuple(zip(*sorted(values), strict=True))
    bound = wanted if dialect == "sqlite" else tuple(list(side) for side in wanted)
    return scope.connection.exec_driver_sql(statement, (*bound, *same.values())).all()


def lock_pairs(
    scope: Scope, table: Table, columns: Sequence[str], pair: tuple[str, str], values: Collection[tuple[str, str]]
) -> Sequence[Any]:
    """Return columns of the rows where a pair of texts is among `values`, locked in the order of the pairs."""
    if not values:
        return []
    dialect, wanted = scope.connection.dialect.name, sorted(values)
    statement = _lock_pairs(table.name, tuple(columns), pair, scope.workspace_id, dialect)
    bound = (json.dumps(wanted),) if dialect == "sqlite" else tuple(list(side) for side in zip(*wanted, strict=True))
    return scope.connection.exec_driver_sql(statement, bound).all()


def among(scope: Scope, column: ColumnElement[Any], values: Collection[Any]) -> ColumnElement[bool]:
    """Return that a column (text or number) is among values, however many they are: as one parameter, not one each."""
    dialect = scope.connection.dialect.name
    return _one_of(dialect, column, literal(listed(scope, values), _kind_of_list(dialect, column)))


def one_of(dialect: str, column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """Return the same for a statement that is built once; its parameter is given what `listed` returns."""
    return _one_of(dialect, column, bindparam(name, type_=_kind_of_list(dialect, column)))


def listed(scope: Scope, values: Collection[Any]) -> Any:
    """Return values as `one_of` is given them."""
    return list(values) if scope.connection.dialect.name == "postgresql" else json.dumps(list(values))


def _one_of(dialect: str, column: ColumnElement[Any], given: ColumnElement[Any]) -> ColumnElement[bool]:
    if dialect == "postgresql":
        return column == any_(given)
    return column.in_(select(func.json_each(given).table_valued("value").c.value))


def _kind_of_list(dialect: str, column: ColumnElement[Any]) -> TypeEngine[Any]:
    if dialect != "postgresql":
        return Text()
    return ARRAY(Text() if isinstance(column.type, Text) else BigInteger())


def has_rows(scope: Scope, table: Table, where: str = "TRUE") -> bool:
    """Tell whether a table has rows of this workspace that are as `where` says."""
    statement = f"SELECT 1 FROM {table.name} WHERE workspace_id = {scope.workspace_id} AND {where} LIMIT 1"
    return scope.connection.exec_driver_sql(statement).first() is not None


def mine_by_id(scope: Scope, table: Table) -> ColumnElement[bool]:
    """Return that rows are of this workspace, for statements that find them by id.

    SQLite would search a table by its workspace, all of it, rather than by ids; a sign in front takes that from it.
    """
    return workspace_aside(scope.connection.dialect.name, table) == scope.workspace_id


def workspace_aside(dialect: str, table: Table) -> ColumnElement[int]:
    """Return the workspace of a table's rows as `mine_by_id` needs it."""
    if dialect != "sqlite":
        return table.c.workspace_id
    return literal_column(f"+{table.name}.workspace_id", BigInteger())


def run_many(scope: Scope, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Run a statement for each tuple; in its text `:` stands for a parameter and `@` for the workspace."""
    if rows:
        ready = statement.replace("@", str(scope.workspace_id)).replace(":", mark(scope.connection))
        scope.connection.exec_driver_sql(ready, list(rows))


def run(scope: Scope, statement: str, values: Mapping[str, Any]) -> Result[Any]:
    """Run one statement written out, with its values by name; for what Core would only make harder to read."""
    return scope.connection.execute(text(statement), values)


def mark(connection: Connection) -> str:
    """Return how the driver marks a parameter."""
    return MARKS[connection.dialect.paramstyle]


@lru_cache(maxsize=256)
def _insert(table: str, columns: tuple[str, ...], then: str, workspace_id: int, marker: str) -> str:
    names = ", ".join(("workspace_id", *columns))
    marks = ", ".join((str(workspace_id), *[marker] * len(columns)))
    return f"INSERT INTO {table} ({names}) VALUES ({marks}) {then}"


@lru_cache(maxsize=256)
def _select_in(table: str, columns: tuple[str, ...], same: tuple[str, ...], column: str, workspace_id: int) -> str:
    # As `mine_by_id` does.
    aside = "+" if column == "id" else ""
    found = _found(same, workspace_id, "?")
    return f"SELECT {', '.join(columns)} FROM {table} WHERE {aside}{found} AND {column} IN (SELECT value FROM json_each(?))"


_PAIRS = {
    "sqlite": "(SELECT json_extract(value, '$[0]') AS one, json_extract(value, '$[1]') AS other FROM json_each(?))",
    "postgresql": "(SELECT * FROM unnest(%s::bigint[], %s::bigint[]) AS pair (one, other))",
}


@lru_cache(maxsize=256)
def _select_pairs(
    table: str, columns: tuple[str, ...], same: tuple[str, ...], pair: tuple[str, str], workspace_id: int, dialect: str
) -> str:
    found = _found(same, workspace_id, "?" if dialect == "sqlite" else "%s")
    named = ", ".join(f"{table}.{column}" for column in columns)
    joined = f"{_PAIRS[dialect]} AS wanted CROSS JOIN {table}"
    return f"SELECT {named} FROM {joined} WHERE {found} AND {pair[0]} = wanted.one AND {pair[1]} = wanted.other"


#: On SQLite whoever writes is alone.
_LOCK = {"sqlite": "", "postgresql": "ORDER BY {1}, {2} FOR UPDATE OF {0}"}


@lru_cache(maxsize=256)
def _lock_pairs(table: str, columns: tuple[str, ...], pair: tuple[str, str], workspace_id: int, dialect: str) -> str:
    named = ", ".join(f"{table}.{column}" for column in columns)
    joined = f"{_PAIRS[dialect].replace('bigint', 'text')} AS wanted CROSS JOIN {table}"
    found = f"workspace_id = {workspace_id} AND {pair[0]} = wanted.one AND {pair[1]} = wanted.other"
    return f"SELECT {named} FROM {joined} WHERE {found} {_LOCK[dialect].format(table, *pair)}"


@lru_cache(maxsize=256)
def _update(table: str, columns: tuple[str, ...], key: tuple[str, ...], workspace_id: int, marker: str) -> str:
    values = ", ".join(f"{column} = {marker}" for column in columns)
    return f"UPDATE {table} SET {values} WHERE {_found(key, workspace_id, marker)}"


@lru_cache(maxsize=256)
def _update_where(table: Table, columns: tuple[str, ...], key: tuple[str, ...], workspace_id: int, where: str) -> str:
    return f"{_update(table.name, columns, key, workspace_id, '?')} AND {where}"


@lru_cache(maxsize=256)
def _delete(table: str, key: tuple[str, ...], workspace_id: int, marker: str) -> str:
    return f"DELETE FROM {table} WHERE {_found(key, workspace_id, marker)}"


def _found(key: tuple[str, ...], workspace_id: int, marker: str) -> str:
    return " AND ".join((f"workspace_id = {workspace_id}", *(f"{column} = {marker}" for column in key)))
