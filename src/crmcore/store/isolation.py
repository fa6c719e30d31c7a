"""Row-level security of PostgreSQL: the database itself keeps workspaces apart, also from SQL that is not ours.

A transaction says which workspace it is in by a setting that ends with it: a pool hands no connection on with somebody's
workspace. Superusers and roles with BYPASSRLS see everything all the same.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, Table, func, inspect, select, text

from crmcore.errors import PostgreSQLNeeded
from crmcore.store import schema

SETTING = "crmcore.workspace"
POLICY = "crm_workspace"
#: Once a transaction has said it, the setting is "" after its end, not missing.
_MINE = f"workspace_id = NULLIF(current_setting('{SETTING}', true), '')::bigint"
_ON = (
    f"CREATE POLICY {POLICY} ON {{0}} USING ({_MINE}) WITH CHECK ({_MINE})",
    "ALTER TABLE {0} ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE {0} FORCE ROW LEVEL SECURITY",
)
_OFF = (
    f"DROP POLICY IF EXISTS {POLICY} ON {{0}}",
    "ALTER TABLE {0} NO FORCE ROW LEVEL SECURITY",
    "ALTER TABLE {0} DISABLE ROW LEVEL SECURITY",
)
_IS_ON = "SELECT EXISTS (SELECT 1 FROM pg_policy WHERE polname = :policy AND polrelid = to_regclass(:table))"


def tables(*others: Iterable[Table]) -> list[Table]:
    """Return the core's tables that have a workspace, and those of others (modules), by name."""
    every = {table.name: table for some in (schema.metadata.tables.values(), *others) for table in some}
    return [table for _, table in sorted(every.items()) if "workspace_id" in table.c]


def turn_on(connection: Connection, protected: Iterable[Table]) -> None:
    """Let tables show and take rows of the transaction's workspace only, to their owner too. Raise PostgreSQLNeeded.

    Those that are not there yet are passed over.
    """
    _run(connection, protected, (_OFF[0], *_ON))


def turn_off(connection: Connection, protected: Iterable[Table]) -> None:
    """Leave tables as they were without row-level security. Raise PostgreSQLNeeded."""
    _run(connection, protected, _OFF)


def is_on(connection: Connection) -> bool:
    """Tell whether row-level security keeps workspaces apart in this database."""
    if connection.dialect.name != "postgresql":
        return False
    asked = {"policy": POLICY, "table": schema.event.name}
    return bool(connection.execute(text(_IS_ON), asked).scalar_one())


def enter(connection: Connection, workspace_id: int) -> None:
    """Say which workspace the present transaction is in, until it ends."""
    connection.execute(select(func.set_config(SETTING, str(workspace_id), True)))  # noqa: FBT003 - PostgreSQL's is_local


def _run(connection: Connection, protected: Iterable[Table], statements: Iterable[str]) -> None:
    if connection.dialect.name != "postgresql":
        raise PostgreSQLNeeded(what="row-level security", dialect=connection.dialect.name)
    name, there = connection.dialect.identifier_preparer.format_table, set(inspect(connection).get_table_names())
    for table in protected:
        for statement in statements if table.name in there else ():
            connection.execute(text(statement.format(name(table))))
