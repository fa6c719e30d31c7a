"""How the shop speaks to SQLite: one file, several connections, transactions begun on purpose."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

#: Seconds a transaction waits for the one before it.
PATIENCE = 30


def engine_on(path: str) -> AsyncEngine:
    """Return an engine on a SQLite file, set up so that transactions wait for one another instead of failing."""
    engine = create_async_engine(f"sqlite+aiosqlite:///{path}", connect_args={"timeout": PATIENCE})
    event.listen(engine.sync_engine, "connect", _set_up)
    event.listen(engine.sync_engine, "begin", _begin)
    return engine


def for_reading(engine: AsyncEngine) -> AsyncEngine:
    """Return the same engine, whose transactions only read."""
    return engine.execution_options(only_reads=True)


def _set_up(connection: Any, _record: object) -> None:
    # Left to itself the driver begins a transaction before the first INSERT, UPDATE or DELETE, so that what was read
    # before stands outside of it. Without a level it begins none, and _begin does.
    connection.isolation_level = None
    cursor = connection.cursor()
    # Readers see the last commit and never wait for the writer.
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin(connection: Connection) -> None:
    # SQLite has one writer at a time. A transaction that begins as a reader and writes later fails at once with
    # "database is locked" where somebody else has written meanwhile: its view is old, and no timeout helps. One that
    # takes the lock as it begins waits its turn, up to the timeout.
    only_reads = connection.get_execution_options().get("only_reads", False)
    connection.exec_driver_sql("BEGIN" if only_reads else "BEGIN IMMEDIATE")
