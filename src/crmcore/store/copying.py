"""Many rows at once into PostgreSQL: by COPY, and where keys may be there already through a temporary table."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection

#: Fewer rows than this are written as quickly by INSERT.
WORTH_IT = 50


def is_worth_it(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> bool:
    """Tell whether rows are better copied than inserted, and the driver can."""
    dialect = connection.dialect
    return len(rows) >= WORTH_IT and dialect.driver == "psycopg" and not dialect.is_async


def insert(connection: Connection, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> int:
    """Insert rows and return how many they are; PostgreSQL refuses it where row-level security is on."""
    _copy(connection, table, columns, rows)
    return len(rows)


def insert_through(
    connection: Connection, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]], then: str
) -> int:
    """Insert rows by way of a temporary table, with an ON CONFLICT clause or "", and return how many were written."""
    create, move = _statements(table, tuple(columns), then)
    connection.exec_driver_sql(create)
    _copy(connection, f"pg_temp.{_temporary(table)}", columns, rows)
    written = connection.exec_driver_sql(move).rowcount
    connection.exec_driver_sql(f"DELETE FROM pg_temp.{_temporary(table)}")
    return written


def _copy(connection: Connection, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    cursor: Any = connection.connection.cursor()
    with cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
    cursor.close()


@lru_cache(maxsize=64)
def _statements(table: str, columns: tuple[str, ...], then: str) -> tuple[str, str]:
    named, temporary = ", ".join(columns), _temporary(table)
    # It stays with the connection: making one is dearer than all the rest.
    create = f"CREATE TEMPORARY TABLE IF NOT EXISTS {temporary} (LIKE {table}) ON COMMIT DELETE ROWS"
    return create, f"INSERT INTO {table} ({named}) SELECT {named} FROM pg_temp.{temporary} {then}"


def _temporary(table: str) -> str:
    return f"copied_{table}"
