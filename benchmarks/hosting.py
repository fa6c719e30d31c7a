"""What embedding costs a host: its transactions with crmcore and without, one by one and from many threads at once."""

from __future__ import annotations

import random
import statistics
import threading
import time
from argparse import Namespace
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import attrs
from measuring import report
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from crmcore import CRM

ORDER = text("INSERT INTO shop_order (ref) VALUES (:ref)")
LINE = text("INSERT INTO shop_line (ref, item) VALUES (:ref, :item)")
LOG = text("INSERT INTO shop_log (ref, entry) VALUES (:ref, :entry)")
Placing = Callable[[Connection, str], object]


class Refused(Exception):
    """The shop thinks better of an order."""


@attrs.frozen(kw_only=True)
class Busy:
    """What came of the threads' transactions: the orders committed, how many failed, and the longest in ms."""

    committed: Counter[str]
    failed: int
    longest: float


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


def added(engine: Engine, crm: CRM, pairs: int, each: int = 1) -> tuple[float, float]:
    """Return the ms that tracking adds to a transaction, and those that a plain insert adds, at the median.

    There are `each` of them in a transaction: where a commit waits for a disk, one alone drowns in that.
    """
    tracked, inserted = [tracking(crm)] * each, [plain] * each
    differences = []
    for _ in range(pairs):
        bare, ours, theirs = milliseconds(engine), milliseconds(engine, *tracked), milliseconds(engine, *inserted)
        differences.append(((ours - bare) / each, (theirs - bare) / each))
    tracks, inserts = zip(*differences, strict=True)
    return statistics.median(tracks), statistics.median(inserts)


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
        except DBAPIError:
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


def known(crm: CRM, engine: Engine) -> Counter[str]:
    """Return the orders that the CRM knows of, each as often as it does."""
    crm.work()
    with engine.connect() as connection:
        return Counter(connection.execute(text("SELECT ref FROM crm_event")).scalars())


def nothing(_connection: Connection, _ref: str) -> None:
    pass


def show(given: Namespace, name: str, figures: tuple[float, float]) -> None:
    ours, theirs = figures
    against, ratio = f"one plain insert ({theirs:.4f} ms)", ours / theirs if theirs > 0 else None
    report(as_json=given.json, name=name, value=ours, unit="ms", against=against, ratio=ratio)
