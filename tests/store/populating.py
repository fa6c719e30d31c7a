"""Tables with many rows, of which no test sees anything: for the plans that databases make."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Boolean, Column, Connection, LargeBinary, Text

from crmcore.store.schema import metadata

ROWS = 5000
#: So many are due; the others will be long after every clock.
DUE, LATER = 50, 9 * 10**18
#: How many rows a customer has of each table: each of another name.
EACH = 5
_NUMBERS = f"WITH RECURSIVE numbers (g) AS (SELECT 1 UNION ALL SELECT g + 1 FROM numbers WHERE g < {ROWS})"
#: Numbers from 0 on, as many as a customer has rows.
_OF_FEW = f"(g - g / {EACH} * {EACH})"
#: Columns that say what kind of thing a row is about: many rows say the same.
_FEW = frozenset({"name", "kind", "currency", "purpose", "channel", "role", "state", "ref"})
ONE_ROW = frozenset({"crm_segment_plan", "crm_workspace", "crm_node"})


def populate(connection: Connection, workspace_id: int, *, is_analysed: bool) -> None:
    """Write rows into every table of a workspace, and let the database look at them, or not."""
    dialect = connection.dialect.name
    for table in metadata.sorted_tables:
        if "workspace_id" in table.columns and table.name not in ONE_ROW:
            columns = [column for column in table.columns if column.name != "workspace_id"]
            names, values = ", ".join(one.name for one in columns), ", ".join(_value(one, dialect) for one in columns)
            connection.exec_driver_sql(
                f"INSERT INTO {table.name} (workspace_id, {names}) {_NUMBERS} "
                f"SELECT {workspace_id}, {values} FROM numbers WHERE g > 0 ON CONFLICT DO NOTHING"
            )
    if is_analysed:
        connection.exec_driver_sql("ANALYZE")
    if dialect == "postgresql":
        # What is small is quickest read whole, whatever index there is.
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")


def _value(column: Column[Any], dialect: str) -> str:
    if isinstance(column.type, Boolean):
        return f"{_OF_FEW} < 2"
    if column.name.endswith("_id") and not isinstance(column.type, LargeBinary | Text):
        return f"g / {EACH}"
    if column.name == "due_at":
        return f"CASE WHEN g <= {DUE} THEN g ELSE {LATER} + g END"
    text = f"'x' || {_OF_FEW}" if column.name in _FEW else "'x' || g"
    if isinstance(column.type, LargeBinary):
        return f"CAST({text} AS BLOB)" if dialect == "sqlite" else f"convert_to({text}, 'UTF8')"
    return text if isinstance(column.type, Text) else "g"
