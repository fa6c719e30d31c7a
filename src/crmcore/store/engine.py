"""Engines and transactions: our own SQLite file is tuned, a host's engine is left as it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.pool import QueuePool

from crmcore.store import forking

#: Readers never wait for the writer; a crash of the machine may lose the last transactions, a crash of the process none.
#: Larger pages than SQLite's own 4,096: a batch of events writes fewer of them.
PRAGMAS = (
    "page_size=8192",
    "journal_mode=WAL",
    "synchronous=NORMAL",
    "busy_timeout=30000",
    "secure_delete=ON",
    "temp_store=MEMORY",
    "cache_size=-65536",
    "wal_autocheckpoint=4000",
)


def open_engine(url: str) -> Engine:
    """Return an engine of our own for a database URL such as sqlite:///shop.db."""
    engine = create_engine(make_url(url))
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _tune_sqlite)
    if isinstance(engine.pool, QueuePool):  # a database in memory lives in its connection
        forking.close_before(engine)
    return engine


def _tune_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Open a transaction that may write; on SQLite it takes the write lock at once, so that it never fails half way."""
    with engine.begin() as connection:
        _leave_deferred(connection)
        _begin(connection, "BEGIN IMMEDIATE")
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Open a transaction that sees one state of the database throughout."""
    with engine.begin() as connection:
        _begin(connection, "BEGIN")
        yield connection


def _begin(connection: Connection, statement: str) -> None:
    if connection.dialect.name == "sqlite" and not _in_transaction(connection):
        connection.exec_driver_sql(statement)


def _leave_deferred(connection: Connection) -> None:
    """Some hosts let their engine say BEGIN by itself: such a transaction may fail at its first write after a read."""
    if connection.dialect.name == "sqlite" and _in_transaction(connection):
        connection.exec_driver_sql("COMMIT")


def _in_transaction(connection: Connection) -> bool:
    return bool(connection.connection.dbapi_connection.in_transaction)  # type: ignore[union-attr]  # pysqlite has it
