"""What is run, and how a database would go about it: one reading of the plans of SQLite and of PostgreSQL."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import attrs
from sqlalchemy import Boolean, Column, Connection, LargeBinary, Text, event

from crmcore import CRM
from crmcore.store.schema import metadata

#: Tables whose rows are many.
BIG = frozenset(
    f"crm_{name}"
    for name in (
        "event",
        "delivery",
        "enrolment",
        "identity",
        "attribute",
        "message_id",
        "receipt",
        "quarantine",
        "link",
        "standing",
        "membership",
        "event_day",
        "coupon",
        "notice",
    )
)
MANY = BIG | {"crm_customer", "crm_account", "crm_attribute_log", "crm_consent", "crm_fingerprint"}
ROWS = 1000
PLANNED = ("SELECT", "UPDATE", "DELETE", "WITH", "INSERT")
_TABLE_OF: dict[str | None, str] = {
    index.name: table.name for table in metadata.tables.values() for index in table.indexes
}
_COLUMNS = frozenset(column.name for table in metadata.tables.values() for column in table.columns)

Run = tuple[str, Any]


@attrs.frozen
class Step:
    """A table is read: by an index or none, all of it or the rows that some columns find."""

    table: str
    index: str | None
    columns: frozenset[str]

    @property
    def is_whole(self) -> bool:
        """All of a table, or all that a workspace has of it."""
        return self.columns <= {"workspace_id"}

    @property
    def is_scan(self) -> bool:
        return self.index is None and not self.columns


@contextmanager
def statements(crm: CRM) -> Iterator[list[Run]]:
    """Collect what is run."""
    seen: list[Run] = []

    def note(_connection, _cursor, statement, parameters, _context, many):
        seen.append((statement, parameters[0] if many else parameters))

    engine = crm._opened.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


def steps(crm: CRM, seen: Sequence[Run]) -> list[tuple[str, Step]]:
    """Return how each statement would read its tables, one step at a time."""
    with crm._opened.engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            _fill(connection, crm._opened.workspace.id)
        return planned(connection, seen)


def planned(connection: Connection, seen: Sequence[Run]) -> list[tuple[str, Step]]:
    """Return how each statement would read its tables as they are."""
    run = [one for one in seen if one[0].lstrip().upper().startswith(PLANNED)]
    return [(statement, step) for statement, given in run for step in _plan(connection, statement, given)]


def _fill(connection: Connection, workspace_id: int) -> None:
    """Write rows, of which no test sees anything: a small table is quickest read whole, whatever index there is."""
    for name in sorted(MANY):
        columns = [column for column in metadata.tables[name].columns if column.name != "workspace_id"]
        values = ", ".join(_value(column) for column in columns)
        names = ", ".join(column.name for column in columns)
        connection.exec_driver_sql(
            f"INSERT INTO {name} (workspace_id, {names}) SELECT {workspace_id}, {values} FROM generate_series(1, {ROWS}) AS g "
            f"ON CONFLICT DO NOTHING"
        )
        connection.exec_driver_sql(f"ANALYZE {name}")
    connection.exec_driver_sql("SET enable_seqscan = off")
    connection.exec_driver_sql("SET enable_sort = off")


def _value(column: Column[Any]) -> str:
    if isinstance(column.type, Boolean):
        return "mod(g, 2) = 0"
    if isinstance(column.type, LargeBinary):
        return "convert_to('x' || g, 'UTF8')"
    return "'x' || g" if isinstance(column.type, Text) else "g"


def scans(crm: CRM, seen: Sequence[Run]) -> list[str]:
    """Return the statements that read a big table without any index."""
    return [f"{step.table}: {statement}" for statement, step in steps(crm, seen) if step.table in BIG and step.is_scan]


def sorted_ones(crm: CRM, seen: Sequence[Run]) -> list[str]:
    """Return the statements that put rows in order themselves, rather than read them so."""
    with crm._opened.engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            _fill(connection, crm._opened.workspace.id)
        return [run for run, given in seen if run.startswith(PLANNED) and _sorts(connection, run, given)]


def _sorts(connection: Connection, statement: str, given: Any) -> bool:
    is_sqlite = connection.dialect.name == "sqlite"
    rows = connection.exec_driver_sql(f"{'EXPLAIN QUERY PLAN' if is_sqlite else 'EXPLAIN'} {statement}", given).all()
    sign = "USE TEMP B-TREE FOR" if is_sqlite else "Sort"
    return any(sign in str(row[-1]) for row in rows)


def _plan(connection: Connection, statement: str, given: Any) -> list[Step]:
    if connection.dialect.name == "postgresql":
        [(plan,)] = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", given).all()
        return [step for node in _nodes(plan[0]["Plan"]) if (step := _of_node(node)) is not None]
    rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", given).all()
    return [step for row in rows if (step := _of_line(row[3])) is not None]


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for below in node.get("Plans", ()):
        yield from _nodes(below)


def _of_node(node: dict[str, Any]) -> Step | None:
    index = node.get("Index Name")
    table = node.get("Relation Name") or _TABLE_OF.get(index) or re.sub("_pkey$", "", index or "")
    if not table or node["Node Type"] in ("ModifyTable", "Bitmap Heap Scan"):
        return None
    found = re.findall(r"\w+", re.sub(r"'(?:[^']|'')*'", "", node.get("Index Cond", "")))
    return Step(table, index, frozenset(found) & _COLUMNS)


def _of_line(line: str) -> Step | None:
    read = re.match(r"(SCAN|SEARCH) (crm_\w+)(.*)", line)
    if read is None:
        return None
    index = re.search(r"USING (?:COVERING )?(INDEX \w+|INTEGER PRIMARY KEY|PRIMARY KEY)", read[3])
    columns = re.findall(r"(\w+)(?=[\w,)]*[=<>])", read[3].partition("(")[2])
    return Step(read[2], index and index[1].removeprefix("INDEX "), frozenset(columns) - {"rowid"} | _rowid(columns))


def _rowid(columns: Sequence[str]) -> frozenset[str]:
    return frozenset({"id"}) if "rowid" in columns else frozenset()
