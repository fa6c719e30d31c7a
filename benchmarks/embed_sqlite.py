"""What crmcore costs a host's own transactions on SQLite: embed.py says what is measured."""

from __future__ import annotations

import sqlite3
import statistics
import tempfile
import time
from argparse import Namespace
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager

import attrs
from hosting import Busy, added, beside, busy, calling, folding, known, nothing, show, tracking, writing
from measuring import report
from sqlalchemy import Connection, Engine, create_engine, event, text

from crmcore import CRM, adopt, migrations

TABLES = """CREATE TABLE shop_order (id INTEGER PRIMARY KEY, ref TEXT);
CREATE TABLE shop_line (id INTEGER PRIMARY KEY, ref TEXT, item TEXT);
CREATE INDEX shop_line_ref ON shop_line (ref);
CREATE TABLE shop_log (id INTEGER PRIMARY KEY, ref TEXT, entry TEXT);"""


@contextmanager
def shop(journal: str, *, says_begin: bool = False) -> Iterator[Engine]:
    """Open a database as a host has it: its own tables, an engine of its own, and crmcore's tables beside them."""
    with tempfile.TemporaryDirectory() as folder:
        with closing(sqlite3.connect(f"{folder}/shop.db")) as connection:
            connection.executescript(f"PRAGMA journal_mode={journal}; {TABLES}")
        engine = create_engine(f"sqlite:///{folder}/shop.db", connect_args={"timeout": 60}, pool_size=20)
        migrations.upgrade(engine)
        if says_begin:
            event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
        yield engine
        engine.dispose()


def adopting(engine: Engine, calls: int) -> float:
    """Return the ms that lending a DBAPI connection takes, at the median."""
    took = []
    with closing(sqlite3.connect(str(engine.url.database))) as lent:
        for _ in range(calls):
            start = time.perf_counter()
            adopt(lent, "sqlite")
            took.append((time.perf_counter() - start) * 1000)
    return statistics.median(took)


@attrs.frozen(kw_only=True)
class Compared:
    """The same threads with crmcore, without it, and without it beside one more writer of the host's."""

    ours: Busy
    found: Counter[str]
    without: Busy
    writer: Busy


def compared(given: Namespace, journal: str, *, deferred: bool) -> Compared:
    """Run the threads each way, on new databases; `found` are the events that the CRM knows of afterwards."""
    before = _stock if deferred else None
    with shop(journal, says_begin=deferred) as engine, CRM(engine) as crm:
        with beside(folding(crm)):
            ours = busy(engine, given.threads, given.transactions, tracking(crm), before)
        found = known(crm, engine)
    with shop(journal, says_begin=deferred) as engine:
        without = busy(engine, given.threads, given.transactions, nothing, before)
    with shop(journal, says_begin=deferred) as engine, beside(writing(engine)):
        writer = busy(engine, given.threads, given.transactions, nothing, before)
    return Compared(ours=ours, found=found, without=without, writer=writer)


def _stock(connection: Connection, ref: str) -> None:
    connection.execute(text("SELECT count(*) FROM shop_line WHERE ref = :ref"), {"ref": ref}).scalar_one()


def transaction_figures(given: Namespace, journal: str, suffix: str) -> None:
    """Measure and print what tracking costs one transaction."""
    with shop(journal) as engine, CRM(engine) as crm:
        show(given, f"embed.track.sqlite{suffix}", added(engine, crm, given.pairs))
        show(given, f"embed.call.sqlite{suffix}", calling(engine, crm, given.pairs))
        if journal == "wal":
            crm._opened.ids.forget()
            show(given, "embed.call.sqlite.forked", calling(engine, crm, given.pairs))
            report(as_json=given.json, name="embed.adopt.sqlite", value=adopting(engine, given.pairs), unit="ms")


def thread_figures(given: Namespace, journal: str, suffix: str, *, deferred: bool = False) -> None:
    """Measure and print what came of many threads: sums over the rounds, and the median of the longest waits."""
    runs = [compared(given, journal, deferred=deferred) for _ in range(given.rounds)]
    transactions = f"of {given.rounds * given.threads * given.transactions:,} transactions"
    for name, value, unit in (
        ("lost", sum((one.ours.committed - one.found).total() for one in runs), "events"),
        ("extra", sum((one.found - one.ours.committed).total() for one in runs), "events"),
        ("failed", sum(one.ours.failed for one in runs), transactions),
        ("failed_without", sum(one.without.failed for one in runs), transactions),
    ):
        report(as_json=given.json, name=f"embed.{name}{suffix}", value=value, unit=unit)
    wait = statistics.median(one.ours.longest for one in runs)
    for name, peer, against in (
        ("wait", statistics.median(one.without.longest for one in runs), "without crmcore"),
        ("wait_writer", statistics.median(one.writer.longest for one in runs), "with a writer of the host's instead"),
    ):
        report(
            as_json=given.json,
            name=f"embed.{name}{suffix}",
            value=wait,
            unit="ms",
            against=f"the longest {against} ({peer:.0f} ms)",
            ratio=wait / peer,
        )


def figures(given: Namespace) -> None:
    """Measure and print all figures on SQLite."""
    transaction_figures(given, "wal", "")
    transaction_figures(given, "delete", ".delete")
    thread_figures(given, "wal", "")
    thread_figures(given, "delete", ".delete")
    thread_figures(given, "wal", ".deferred", deferred=True)
