"""Many rows at once into PostgreSQL: by COPY."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

#: Fewer rows than this are written as quickly by INSERT.
WORTH_IT = 50


def is_worth_it(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> bool:
    """Tell whether rows are better written all at once than one by one, and the driver can."""
    dialect = connection.dialect
    return len(rows) >= WORTH_IT and dialect.driver == "psycopg" and not dialect.is_async


def insert(
    connection: Connection, table: str, columns: Sequence[str], workspace_id: int, rows: Sequence[tuple[Any, ...]]
) -> None:
    """Insert rows of a workspace; PostgreSQL refuses it where row-level security is on."""
    cursor: Any = connection.connection.cursor()
    with cursor.copy(f"COPY {table} (workspace_id, {', '.join(columns)}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row((workspace_id, *row))
    cursor.close()
