"""Engines and transactions: our own SQLite file is tuned, a host's engine is left as it is.

A transaction of our own that another one got in the way of is run again: what it does has to be rows and nothing else.
"""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool, SingletonThreadPool

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

#: Another transaction was in the way: serialization failure, deadlock, and a key that it has just made.
_IN_THE_WAY = frozenset({"40001", "40P01", "23505"})
_SQLITE_BUSY, _SQLITE_LOCKED = 5, 6
#: Transactions are short: those in the way of one are gone after a few of these.
ATTEMPTS = 12
#: The execution option of statements for whose lists a kept plan has no length: PostgreSQL guesses ten.
PLANNED_ANEW = "crmcore_planned_anew"
PAUSE = 0.005
_MANNERS = ("journal_mode", "busy_timeout")

Result = TypeVar("Result")


def open_engine(url: str) -> Engine:
    """Return an engine of our own for a database URL such as sqlite:///shop.db."""
    address = make_url(url)
    if address.drivername == "postgresql":
        address = address.set(drivername="postgresql+psycopg")
    engine = create_engine(address)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _tune_sqlite)
    elif engine.dialect.driver == "psycopg":
        event.listen(engine, "do_execute", _plan_anew)
    if isinstance(engine.pool, QueuePool):  # a database in memory lives in its connection
        forking.close_before(engine)
    return engine


def open_fleeting(url: str) -> Engine:
    """Return an engine for a SQLite file that nobody needs once this process has ended: nothing of it is made safe."""
    engine = open_engine(url)
    event.listen(engine, "connect", _leave_unsafe)
    return engine


def _leave_unsafe(connection: Any, _record: object) -> None:
    for pragma in ("synchronous=OFF", "secure_delete=OFF"):
        connection.execute(f"PRAGMA {pragma}")


def _tune_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _plan_anew(cursor: Any, statement: str, parameters: Any, context: Any) -> bool:
    """Run what asks for a plan of its own without preparing it; tell whether that was so."""
    asks = bool(context and context.execution_options.get(PLANNED_ANEW))
    if asks:
        cursor.execute(statement, parameters, prepare=False)
    return asks


def write(engine: Engine, act: Callable[[Connection], Result]) -> Result:
    """Do something in a transaction that may write, again where others were in its way; return what it returns.

    On SQLite it takes the write lock at once, so that it never fails half way.
    """
    for attempt in count(1):
        try:
            with engine.connect() as connection:
                return _written(connection, act)
        except DBAPIError as error:
            if attempt == ATTEMPTS or not may_pass(error):
                raise
        time.sleep(random.uniform(0, PAUSE * 2 ** min(attempt, 6)))  # noqa: S311 - so that two do not meet again
    raise AssertionError


def _written(connection: Connection, act: Callable[[Connection], Result]) -> Result:
    if connection.dialect.name == "postgresql":
        connection.execution_options(isolation_level="READ COMMITTED")
    with connection.begin():
        leave_begun(connection)
        _begin(connection, "BEGIN IMMEDIATE")
        return act(connection)


def driver_of(connection: Connection) -> Any:
    """Return the driver's own connection, which another thread may use to end what this one does."""
    return connection.connection.driver_connection


@contextmanager
def legible(connection: Connection) -> Iterator[None]:
    """Let all text be read: SQLite keeps what is none, and its driver raises where it meets that."""
    driver = driver_of(connection) if connection.dialect.name == "sqlite" else None
    if driver is None:
        yield
        return
    former, driver.text_factory = driver.text_factory, partial(str, encoding="utf-8", errors="replace")
    try:
        yield
    finally:
        driver.text_factory = former


def interrupt(driver: Any) -> None:
    """End the statement that a connection of a driver is running, if any."""
    (driver.interrupt if hasattr(driver, "interrupt") else driver.cancel)()


def lives_in_one_thread(engine: Engine) -> bool:
    """Tell whether another thread would see another database: one in memory lives in its connection."""
    return isinstance(engine.pool, SingletonThreadPool)


def may_pass(error: BaseException) -> bool:
    """Tell whether an error says that another transaction was in the way: run again, it may well not be raised."""
    if not isinstance(error, DBAPIError):
        return False
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is not None:
        return code & 0xFF in (_SQLITE_BUSY, _SQLITE_LOCKED)
    return getattr(error.orig, "sqlstate", None) in _IN_THE_WAY


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Open a transaction that sees one state of the database throughout."""
    with engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.execution_options(isolation_level="REPEATABLE READ")
        with connection.begin():
            _begin(connection, "BEGIN")
            yield connection


def _begin(connection: Connection, statement: str) -> None:
    if connection.dialect.name == "sqlite" and not _in_transaction(connection):
        connection.exec_driver_sql(statement)


def leave_begun(connection: Connection) -> None:
    """End what a host's engine has begun by itself: it may fail at its first write after a read, or is in the way."""
    if connection.dialect.name == "sqlite" and _in_transaction(connection):
        connection.exec_driver_sql("COMMIT")


def sqlite_manners(engine: Engine) -> tuple[str, int, bool]:
    """Return how a host's engine goes about SQLite: journal mode, busy timeout (ms), whether it begins with the write lock."""
    with engine.connect() as connection, connection.begin():
        level = connection.connection.dbapi_connection.isolation_level  # type: ignore[union-attr]  # pysqlite has it
        locks = _is_locked(engine) if level is None else level.upper() in ("IMMEDIATE", "EXCLUSIVE")
        mode, timeout = (connection.exec_driver_sql(f"PRAGMA {one}").scalar_one() for one in _MANNERS)
    return str(mode), int(timeout), locks


def _is_locked(engine: Engine) -> bool:
    """Tell whether somebody has the write lock: SQLite shows it to whoever asks for it alone."""
    other = sqlite3.connect(engine.url.database or "", timeout=0, isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError:
        return True
    finally:
        other.close()
    return False


def _in_transaction(connection: Connection) -> bool:
    return bool(connection.connection.dbapi_connection.in_transaction)  # type: ignore[union-attr]  # pysqlite has it
