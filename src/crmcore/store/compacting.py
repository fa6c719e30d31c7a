"""Letting go of the room that deleted rows had: until then their bytes may stand in a file, unread."""

from __future__ import annotations

import attrs
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError, OperationalError


@attrs.frozen(kw_only=True)
class Compaction:
    """Whether nothing of deleted rows is left in the database's files; where not, `problem` says why and what to do."""

    done: bool
    problem: str = ""


#: Whoever reads keeps a file, or a table, from being written anew; so many seconds it is waited for.
PATIENCE = 5
AGAIN = "nothing is lost: do it again once others have finished"


def compact(engine: Engine) -> Compaction:
    """Write the database anew without what was deleted; on PostgreSQL the tables whose names begin with crm_."""
    connecting = engine.execution_options(isolation_level="AUTOCOMMIT").connect()
    try:
        with connecting as connection:
            return _COMPACT[connection.dialect.name](connection)
    except OperationalError as error:
        return Compaction(done=False, problem=f"the database is in use ({_said(error)}); {AGAIN}")


def _sqlite(connection: Connection) -> Compaction:
    connection.execute(text("VACUUM"))
    former = connection.execute(text("PRAGMA busy_timeout")).scalar_one()
    connection.execute(text(f"PRAGMA busy_timeout = {PATIENCE * 1000}"))
    try:
        busy, _, _ = connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)")).one()
    finally:
        connection.execute(text(f"PRAGMA busy_timeout = {former}"))
    if busy:
        return Compaction(done=False, problem=f"somebody still reads an earlier state of the database; {AGAIN}")
    return Compaction(done=True)


def _postgresql(connection: Connection) -> Compaction:
    connection.execute(text(f"SET lock_timeout = '{PATIENCE}s'"))
    try:
        for table in connection.execute(text(_TABLES)).scalars().all():
            connection.execute(text(f"VACUUM (FULL, ANALYZE) {table}"))
        for statement in connection.execute(text(_STALE)).scalars().all():
            connection.execute(text(statement))
    finally:
        connection.execute(text("RESET lock_timeout"))
    return Compaction(done=True)


_COMPACT = {"sqlite": _sqlite, "postgresql": _postgresql}

_OURS = r"""c.relkind = 'r' AND c.relname LIKE 'crm\_%' AND pg_table_is_visible(c.oid)"""
_TABLES = f"SELECT c.oid::regclass::text FROM pg_class c WHERE {_OURS} ORDER BY 1"
#: What PostgreSQL knows of a table outlives its rows where none is left, but not that a column is declared anew. Columns
#: that policies of row-level security ask for cannot be; they hold the workspace.
_STALE = rf"""
SELECT format(
    'ALTER TABLE %s ALTER COLUMN %I TYPE %s%s', c.oid::regclass, a.attname, format_type(a.atttypid, a.atttypmod),
    CASE WHEN a.attcollation = 0 THEN '' ELSE format(' COLLATE %I', (SELECT collname FROM pg_collation WHERE oid = a.attcollation)) END
) FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid JOIN pg_statistic s ON s.starelid = c.oid AND s.staattnum = a.attnum
WHERE {_OURS} AND c.reltuples = 0 AND a.attname <> 'workspace_id' AND NOT a.attisdropped ORDER BY 1"""


def _said(error: DBAPIError) -> str:
    return " ".join(str(error.orig).split())
