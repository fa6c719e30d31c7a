"""What can be done to a database under a worker: its connections ended, its lock held, its room used up."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

from sqlalchemy import Connection, create_engine, make_url, text
from sqlalchemy.pool import NullPool

from tests.faults.stores import WORKER

#: Seconds somebody else holds the lock of an embedded database.
LOCKED = 0.3
_ENDED = text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = :worker AND pid <> pg_backend_pid()"
)
#: As a full disk answers, from a certain statement on.
_QUOTA = """
CREATE SEQUENCE crm_fault_quota;
CREATE FUNCTION crm_fault_full() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF nextval('crm_fault_quota') > {left} THEN
        RAISE EXCEPTION 'could not extend file: no space left on device' USING ERRCODE = 'disk_full';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER crm_fault_full AFTER INSERT OR UPDATE ON crm_delivery FOR EACH STATEMENT EXECUTE FUNCTION crm_fault_full();
"""
_FREE = "DROP TRIGGER crm_fault_full ON crm_delivery; DROP FUNCTION crm_fault_full; DROP SEQUENCE crm_fault_quota"


def is_server(url: str) -> bool:
    """Tell whether a database is a server."""
    return make_url(url).get_backend_name() != "sqlite"


def unconnect(url: str) -> None:
    """End the workers' connections to a server; hold the lock of an embedded database for a moment."""
    if is_server(url):
        with _administering(url) as connection:
            connection.execute(_ENDED, {"worker": WORKER})
    else:
        threading.Thread(target=_hold, args=(make_url(url).database,), daemon=True).start()


@contextmanager
def full_after(url: str, statements: int) -> Iterator[None]:
    """Let a server's ledger grow no more after so many statements, until this is left."""
    with _administering(url) as connection:
        connection.exec_driver_sql(_QUOTA.format(left=statements))
    try:
        yield
    finally:
        with _administering(url) as connection:
            connection.exec_driver_sql(_FREE)


@contextmanager
def _administering(url: str) -> Iterator[Connection]:
    engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection


def _hold(path: str) -> None:
    with closing(sqlite3.connect(path, timeout=30, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        threading.Event().wait(LOCKED)
        connection.execute("ROLLBACK")
