"""Letting go of the room that deleted rows had: until then their bytes may stand in a file, unread."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import attrs
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError, OperationalError

from crmcore.store.engine import driver_of, leave_begun


@attrs.frozen(kw_only=True)
class Compaction:
    """Whether nothing of deleted rows is left in the database's files; where not, `problem` says why and what to do."""

    done: bool
    problem: str = ""


#: Whoever reads keeps a file, or a table, from being written anew; so many seconds it is waited for.
PATIENCE = 5
AGAIN = "nothing is lost: do it again once others have finished"
STILL_READ = f"somebody still reads an earlier state of the database; {AGAIN}"


def compact(engine: Engine) -> Compaction:
    """Write the database anew without what was deleted; on PostgreSQL the tables whose names begin with crm_."""
    connecting = engine.execution_options(isolation_level="AUTOCOMMIT").connect()
    try:
        with connecting as connection, connection.begin():
            return _COMPACT[connection.dialect.name](connection)
    except OperationalError as error:
        return Compaction(done=False, problem=f"the database is in use ({_said(error)}); {AGAIN}")
    except DBAPIError as error:
        return Compaction(done=False, problem=f"the database refuses it ({_said(error)}); what was erased stays erased")


def _sqlite(connection: Connection) -> Compaction:
    leave_begun(connection)
    connection.execute(text("VACUUM"))
    former = connection.execute(text("PRAGMA busy_timeout")).scalar_one()
    connection.execute(text(f"PRAGMA busy_timeout = {PATIENCE * 1000}"))
    try:
        busy, _, _ = connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)")).one()
    finally:
        connection.execute(text(f"PRAGMA busy_timeout = {former}"))
    return Compaction(done=False, problem=STILL_READ) if busy else Compaction(done=True)


def _postgresql(connection: Connection) -> Compaction:
    if owners := connection.execute(text(_OWNERS)).scalars().all():
        problem = (
            f"its tables are of {', '.join(owners)}, and nobody else may write them anew; do it again as that role"
        )
        return Compaction(done=False, problem=problem)
    connection.execute(text(f"SET lock_timeout = '{PATIENCE}s'"))
    try:
        with _hearing(connection) as said:
            _write_anew(connection)
    finally:
        connection.execute(text("RESET lock_timeout"))
    return Compaction(done=False, problem=STILL_READ) if any(map(_is_kept, said)) else Compaction(done=True)


def _write_anew(connection: Connection) -> None:
    for table in connection.execute(text(_TABLES)).scalars().all():
        connection.execute(text(f"VACUUM (FULL, VERBOSE) {table}"))
        connection.execute(text(f"ANALYZE {table}"))
    for statement in connection.execute(text(_STALE)).scalars().all():
        connection.execute(text(statement))


@contextmanager
def _hearing(connection: Connection) -> Iterator[list[str]]:
    """Yield the details of what the server says meanwhile, beside its answers."""
    said: list[str] = []
    driver = driver_of(connection)

    def hear(notice: Any) -> None:
        said.append(notice.message_detail or "")

    driver.add_notice_handler(hear)
    try:
        yield said
    finally:
        driver.remove_notice_handler(hear)


def _is_kept(detail: str) -> bool:
    """Tell whether rows were kept that somebody sees still: of VACUUM the first number is how many, in any language."""
    counted = re.search(r"\d+", detail)
    return counted is not None and int(counted[0]) > 0


_COMPACT = {"sqlite": _sqlite, "postgresql": _postgresql}

_OURS = r"""c.relkind = 'r' AND c.relname LIKE 'crm\_%' AND pg_table_is_visible(c.oid)"""
_TABLES = f"SELECT c.oid::regclass::text FROM pg_class c WHERE {_OURS} ORDER BY 1"
_OWNERS = f"""
SELECT DISTINCT pg_get_userbyid(c.relowner) FROM pg_class c WHERE {_OURS} AND NOT pg_has_role(c.relowner, 'USAGE') ORDER BY 1"""
#: What PostgreSQL knows of a table outlives its rows where none is left, but not that its columns are declared anew. Those
#: that policies of row-level security ask for cannot be; they hold the workspace.
_STALE = rf"""
SELECT format('ALTER TABLE %s ', c.oid::regclass) || string_agg(format(
    'ALTER COLUMN %I TYPE %s%s', a.attname, format_type(a.atttypid, a.atttypmod),
    CASE WHEN a.attcollation = 0 THEN '' ELSE format(' COLLATE %I', (SELECT collname FROM pg_collation WHERE oid = a.attcollation)) END
), ', ' ORDER BY a.attnum)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE {_OURS} AND c.reltuples = 0 AND a.attnum > 0 AND a.attname <> 'workspace_id' AND NOT a.attisdropped
GROUP BY c.oid ORDER BY 1"""


def _said(error: DBAPIError) -> str:
    return " ".join(str(error.orig).split())
