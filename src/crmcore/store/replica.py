"""A workspace's rows copied into a database of their own, table by table, as they were at one moment.

Columns are of types that every database has, so that a copy may be on another one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, bindparam, insert, select, update

from crmcore.store import bulk
from crmcore.store.nodes import FAR_MS
from crmcore.store.schema import metadata, node, workspace
from crmcore.store.scope import Scope

#: How many rows are read at once.
BATCH = 5000
#: Leases overlap, and a node that was leased is not leased again before its lease is over.
RESTED = 8
#: What no campaign asks: who did what in the house, what plugins are still to be told, where imported lines came from.
_LEFT_OUT = frozenset(
    f"crm_{name}"
    for name in (
        "audit",
        "audit_seal",
        "fingerprint",
        "import",
        "message_id",
        "notice",
        "notice_cursor",
        "notice_line",
        "quarantine",
    )
)
#: The tables whose rows have no workspace are copied by themselves.
TABLES = [
    table
    for name, table in sorted(metadata.tables.items())
    if "workspace_id" in table.columns and name not in _LEFT_OUT
]


def copy_house(source: Connection, target: Connection, workspace_id: int) -> None:
    """Copy the workspace itself, and which ids have been given: no new row gets the id of a copied one."""
    mine = select(workspace).where(workspace.c.id == workspace_id)
    target.execute(insert(workspace), [dict(source.execute(mine).mappings().one())])
    given = [{"one": one, "until": until} for one, until in source.execute(select(node.c.node, node.c.until_ms))]
    target.execute(update(node).where(node.c.node == bindparam("one")).values(until_ms=bindparam("until")), given)


def copy_alone(source: Connection, target: Connection, workspace_id: int) -> None:
    """Copy the workspace itself; new ids are of few nodes, those that have given none for longest.

    Rows are written under the ids they have, at times when other nodes gave ids.
    """
    mine = select(workspace).where(workspace.c.id == workspace_id)
    target.execute(insert(workspace), [dict(source.execute(mine).mappings().one())])
    rested = source.execute(select(node.c.node).order_by(node.c.until_ms, node.c.node).limit(RESTED)).scalars().all()
    target.execute(update(node).values(until_ms=FAR_MS))
    target.execute(update(node).where(node.c.node.in_(rested)).values(until_ms=0))


def copy_rows(
    source: Scope, target: Scope, table: Table, tell: Callable[[], None], which: ColumnElement[bool] | None = None
) -> None:
    """Copy the rows of a table, all or some; `tell` is called after each batch."""
    columns = [one for one in table.columns if one.name != "workspace_id"]
    names = [one.name for one in columns]
    query = select(*columns).where(table.c.workspace_id == source.workspace_id)
    for rows in _batches(source, query if which is None else query.where(which)):
        bulk.insert(target, table, names, rows)
        tell()


def _batches(source: Scope, query: Select[Any]) -> Iterator[list[tuple[Any, ...]]]:
    found = source.connection.execute(query.execution_options(yield_per=BATCH))
    for rows in found.partitions():
        yield [tuple(row) for row in rows]
