"""Transactions of our own: run again where others were in the way, and never where something else is wrong."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from crmcore.store.engine import ATTEMPTS, reading, write


class Refused(Exception):
    """An error of PostgreSQL's."""

    def __init__(self, sqlstate):
        self.sqlstate = sqlstate


def busy(code):
    error = sqlite3.OperationalError("database is locked")
    error.sqlite_errorcode = code
    return error


IN_THE_WAY = {
    "serialization failure": Refused("40001"),
    "deadlock": Refused("40P01"),
    "a key that was just made": Refused("23505"),
    "SQLITE_BUSY": busy(sqlite3.SQLITE_BUSY),
    "SQLITE_BUSY_SNAPSHOT": busy(sqlite3.SQLITE_BUSY_SNAPSHOT),
    "SQLITE_LOCKED": busy(sqlite3.SQLITE_LOCKED),
}
WRONG = {
    "no such table": Refused("42P01"),
    "a value that does not fit": Refused("22003"),
    "a broken rule": Refused("23514"),
    "a full disk": busy(sqlite3.SQLITE_FULL),
}


def failing(times, error, calls):
    def act(_connection):
        calls.append(1)
        if len(calls) <= times:
            raise DBAPIError("", {}, error)
        return "done"

    return act


@pytest.mark.parametrize("name", IN_THE_WAY)
def test_what_others_were_in_the_way_of_is_run_again(crm, name):
    calls = []
    assert write(crm._opened.engine, failing(2, IN_THE_WAY[name], calls)) == "done"
    assert len(calls) == 3


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_not_run_again(crm, name):
    calls = []
    with pytest.raises(DBAPIError):
        write(crm._opened.engine, failing(2, WRONG[name], calls))
    assert len(calls) == 1


def test_it_is_given_up_in_the_end(crm):
    calls = []
    with pytest.raises(DBAPIError):
        write(crm._opened.engine, failing(ATTEMPTS, IN_THE_WAY["SQLITE_BUSY"], calls))
    assert len(calls) == ATTEMPTS


def test_what_was_written_before_it_failed_is_not_written(crm):
    calls = []

    def act(connection):
        calls.append(1)
        connection.execute(text("UPDATE crm_workspace SET name = name || 'x'"))
        if len(calls) == 1:
            raise OperationalError("", {}, IN_THE_WAY["SQLITE_BUSY"])

    write(crm._opened.engine, act)
    with reading(crm._opened.engine) as connection:
        assert connection.execute(text("SELECT name FROM crm_workspace")).scalars().all() == ["defaultx"]


def test_transactions_that_lock_one_another_out_both_come_to_an_end(crm, store):
    if store == "sqlite":
        pytest.skip("SQLite has one writer: nobody locks anybody out")
    crm.identify("1")
    crm.identify("2")
    both = Barrier(2, timeout=10)
    tries = []

    def act(order):
        def crossing(connection):
            tries.append(order)
            for place, key in enumerate(order):
                connection.execute(
                    text("UPDATE crm_customer SET created_at = created_at + 1 WHERE key = :key"), {"key": key}
                )
                if place == 0 and tries.count(order) == 1:
                    both.wait()

        write(crm._opened.engine, crossing)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(act, ["12", "21"]))
    assert len(tries) == 3


def test_a_reader_sees_one_state_throughout(crm):
    count = text("SELECT count(*) FROM crm_customer")
    with reading(crm._opened.engine) as connection:
        before = connection.execute(count).scalar()
        crm.identify("1")
        assert connection.execute(count).scalar() == before


def test_a_broken_key_that_stays_broken_is_an_error(crm):
    crm.identify("1")
    twice = text(
        "INSERT INTO crm_source (workspace_id, id, name, kind, declared, created_at) VALUES (1, :id, 'a', '', '{}', 0)"
    )

    def act(connection):
        connection.execute(twice, {"id": 1})
        connection.execute(twice, {"id": 2})

    with pytest.raises(IntegrityError):
        write(crm._opened.engine, act)
