"""What crmcore costs a host's own transactions on SQLite, and whether it loses, invents or disturbs anything there.

`embed.track.sqlite`: what `crm.using(connection).track(...)` adds to a transaction of two inserts, commit included, beside
what one more plain insert, into a table of its own, adds; the three take turns. `embed.call.sqlite`: the call alone, beside the
insert alone; `.forked` where the process holds no lease of ids. `embed.adopt.sqlite`: lending a DBAPI connection.

Then 16 threads place orders on the host's own engine, several statements each, and every fourth is rolled back, while
another thread folds and reads all the time. The same without crmcore takes turns with it, and the same beside one more
writer of the host's. `embed.lost` and `embed.extra` count events against the orders that were committed, `embed.failed` the
transactions that failed, and `embed.wait` is the longest any took: SQLite's writers wait in no order. `.delete` is the same
on a rollback journal instead of WAL, and `.deferred` on an engine that says BEGIN by itself and reads before it writes:
there SQLite fails a transaction that another has overtaken, with crmcore or without.
"""

from __future__ import annotations

import random
import sqlite3
import statistics
import tempfile
import threading
import time
from argparse import Namespace
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager

import attrs
from measuring import arguments, report
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import OperationalError

from crmcore import CRM, adopt, migrations

ORDER = text("INSERT INTO shop_order (ref) VALUES (:ref)")
LINE = text("INSERT INTO shop_line (ref, item) VALUES (:ref, :item)")
LOG = text("INSERT INTO shop_log (ref, entry) VALUES (:ref, :entry)")
TABLES = """CREATE TABLE shop_order (id INTEGER PRIMARY KEY, ref TEXT);
CREATE TABLE shop_line (id INTEGER PRIMARY KEY, ref TEXT, item TEXT);
CREATE INDEX shop_line_ref ON shop_line (ref);
CREATE TABLE shop_log (id INTEGER PRIMARY KEY, ref TEXT, entry TEXT);"""
Placing = Callable[[Connection, str], object]


class Refused(Exception):
    """The shop thinks better of an order."""


@attrs.frozen(kw_only=True)
class Busy:
    """What came of the threads' transactions: the orders committed, how many failed, and the longest in ms."""

    committed: Counter[str]
    failed: int
    longest: float


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


def order(connection: Connection, ref: str) -> None:
    """Place an order with one line: the host's own two inserts."""
    connection.execute(ORDER, {"ref": ref})
    connection.execute(LINE, {"ref": ref, "item": "tea"})


def plain(connection: Connection, ref: str) -> None:
    """Write one more row of the host's, into a table the order does not touch."""
    connection.execute(LOG, {"ref": ref, "entry": "placed"})


def tracking(crm: CRM) -> Placing:
    """Return what tells a CRM of an order."""
    return lambda connection, ref: crm.using(connection).track(
        "order_placed", "42", amount=1250, currency="EUR", ref=ref, properties={"page": "/checkout"}
    )


def milliseconds(engine: Engine, *also: Placing) -> float:
    """Return how long a transaction takes, its commit included."""
    start = time.perf_counter()
    with engine.begin() as connection:
        order(connection, "order-1")
        for one in also:
            one(connection, "order-1")
    return (time.perf_counter() - start) * 1000


def added(engine: Engine, crm: CRM, pairs: int) -> tuple[float, float]:
    """Return the ms that tracking adds to a transaction, and those that a plain insert adds, at the median."""
    track = tracking(crm)
    differences = []
    for _ in range(pairs):
        bare, tracked, inserted = milliseconds(engine), milliseconds(engine, track), milliseconds(engine, plain)
        differences.append((tracked - bare, inserted - bare))
    ours, theirs = zip(*differences, strict=True)
    return statistics.median(ours), statistics.median(theirs)


def calling(engine: Engine, crm: CRM, calls: int) -> tuple[float, float]:
    """Return the ms that tracking takes inside one transaction, and those that a plain insert takes, at the median."""
    track, took = tracking(crm), []
    with engine.begin() as connection:
        order(connection, "order-1")
        for _ in range(calls):
            start = time.perf_counter()
            track(connection, "order-1")
            between = time.perf_counter()
            plain(connection, "order-1")
            took.append(((between - start) * 1000, (time.perf_counter() - between) * 1000))
    ours, theirs = zip(*took, strict=True)
    return statistics.median(ours), statistics.median(theirs)


def adopting(engine: Engine, calls: int) -> float:
    """Return the ms that lending a DBAPI connection takes, at the median."""
    took = []
    with closing(sqlite3.connect(str(engine.url.database))) as lent:
        for _ in range(calls):
            start = time.perf_counter()
            adopt(lent, "sqlite")
            took.append((time.perf_counter() - start) * 1000)
    return statistics.median(took)


def busy(engine: Engine, threads: int, transactions: int, also: Placing, before: Placing | None) -> Busy:
    """Let threads place orders, each with transactions of its own."""
    with ThreadPoolExecutor(threads) as pool:
        runs = list(pool.map(lambda number: _run(engine, number, transactions, also, before), range(threads)))
    return Busy(
        committed=Counter(ref for run in runs for ref in run.committed.elements()),
        failed=sum(run.failed for run in runs),
        longest=max(run.longest for run in runs),
    )


def _run(engine: Engine, number: int, transactions: int, also: Placing, before: Placing | None) -> Busy:
    draw, committed, failed, longest = random.Random(number), Counter[str](), 0, 0.0
    for count in range(transactions):
        refs = [f"order-{number}-{count}-{one}" for one in range(draw.randint(1, 4))]
        start = time.perf_counter()
        try:
            _place(engine, refs, also, before, refused=draw.random() < 0.25)
            committed.update(refs)
        except Refused:
            pass
        except OperationalError:
            failed += 1
        longest = max(longest, (time.perf_counter() - start) * 1000)
    return Busy(committed=committed, failed=failed, longest=longest)


def _place(engine: Engine, refs: list[str], also: Placing, before: Placing | None, *, refused: bool) -> None:
    with engine.begin() as connection:
        for ref in refs:
            if before:
                before(connection, ref)
            order(connection, ref)
            also(connection, ref)
        if refused:
            raise Refused


@contextmanager
def beside(again: Callable[[], object]) -> Iterator[None]:
    """Do something again and again, in a thread beside."""
    ended = threading.Event()

    def run() -> None:
        while not ended.is_set():
            again()

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(run)
        try:
            yield
        finally:
            ended.set()
        running.result()


def folding(crm: CRM) -> Callable[[], object]:
    """Return what folds, sends and reads."""
    return lambda: (crm.work(), crm.totals())


def writing(engine: Engine) -> Callable[[], object]:
    """Return what writes one row of the host's."""

    def write() -> None:
        with engine.begin() as connection:
            plain(connection, "beside")

    return write


def events(crm: CRM, engine: Engine) -> Counter[str]:
    """Return the orders that the CRM knows of."""
    crm.work()
    with engine.connect() as connection:
        return Counter(connection.execute(text("SELECT ref FROM crm_event")).scalars())


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
        found = events(crm, engine)
    with shop(journal, says_begin=deferred) as engine:
        without = busy(engine, given.threads, given.transactions, _nothing, before)
    with shop(journal, says_begin=deferred) as engine, beside(writing(engine)):
        writer = busy(engine, given.threads, given.transactions, _nothing, before)
    return Compared(ours=ours, found=found, without=without, writer=writer)


def _nothing(_connection: Connection, _ref: str) -> None:
    pass


def _stock(connection: Connection, ref: str) -> None:
    connection.execute(text("SELECT count(*) FROM shop_line WHERE ref = :ref"), {"ref": ref}).scalar_one()


def transaction_figures(given: Namespace, journal: str, suffix: str) -> None:
    """Measure and print what tracking costs one transaction."""
    with shop(journal) as engine, CRM(engine) as crm:
        _print(given, f"embed.track.sqlite{suffix}", added(engine, crm, given.pairs))
        _print(given, f"embed.call.sqlite{suffix}", calling(engine, crm, given.pairs))
        if journal == "wal":
            crm._opened.ids.forget()
            _print(given, "embed.call.sqlite.forked", calling(engine, crm, given.pairs))
            report(as_json=given.json, name="embed.adopt.sqlite", value=adopting(engine, given.pairs), unit="ms")


def _print(given: Namespace, name: str, figures: tuple[float, float]) -> None:
    ours, theirs = figures
    against, ratio = f"one plain insert ({theirs:.4f} ms)", ours / theirs if theirs > 0 else None
    report(as_json=given.json, name=name, value=ours, unit="ms", against=against, ratio=ratio)


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


def main() -> None:
    parser = arguments(__doc__ or "")
    parser.add_argument("--pairs", type=int, default=500, help="transactions of each kind (default 500)")
    parser.add_argument("--threads", type=int, default=16)
    parser.add_argument("--transactions", type=int, default=40, help="transactions of each thread (default 40)")
    given = parser.parse_args()
    transaction_figures(given, "wal", "")
    transaction_figures(given, "delete", ".delete")
    thread_figures(given, "wal", "")
    thread_figures(given, "delete", ".delete")
    thread_figures(given, "wal", ".deferred", deferred=True)


if __name__ == "__main__":
    main()
