"""What crmcore costs a host's own transactions on PostgreSQL: embed.py says what is measured."""

from __future__ import annotations

import random
import statistics
from argparse import Namespace
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import attrs
from hosting import Busy, Placing, added, beside, busy, calling, folding, known, nothing, show
from measuring import report
from serving import Served, server
from sqlalchemy import Connection, Engine, create_engine, text

from crmcore import CRM

TABLES = """CREATE TABLE shop_order (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, ref TEXT);
CREATE TABLE shop_line (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, ref TEXT, item TEXT);
CREATE INDEX shop_line_ref ON shop_line (ref);
CREATE TABLE shop_log (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, ref TEXT, entry TEXT);"""
HOST = "shop"
#: Every wait for a lock is in the log, with the name of who waits; nothing else differs from the defaults.
LOGGED = {
    "logging_collector": "on",
    "log_line_prefix": "%a|",
    "log_lock_waits": "on",
    "deadlock_timeout": "1ms",
}
PEOPLE = 8
#: How many statements are measured in one transaction, beside its commit.
EACH = 10


@contextmanager
def shop(served: Served) -> Iterator[Engine]:
    """Open a database as a host has it: its own tables, an engine of its own, and crmcore's tables beside them."""
    engine = create_engine(served.fresh(), connect_args={"application_name": HOST}, pool_size=20)
    with engine.begin() as connection:
        connection.exec_driver_sql(TABLES)
    yield engine
    engine.dispose()


def crossed(crm: CRM) -> Placing:
    """Return what tells a CRM of an order of somebody, by one of a few addresses and anonymous ids, in either order."""

    def tell(connection: Connection, ref: str) -> None:
        draw = random.Random(ref)
        names = [("email", f"c{draw.randrange(PEOPLE)}@example.com"), ("anonymous", f"a{draw.randrange(PEOPLE)}")]
        draw.shuffle(names)
        crm.using(connection).track("order_placed", dict(names), amount=1250, currency="EUR", ref=ref)

    return tell


@attrs.frozen(kw_only=True)
class Compared:
    """The same threads with crmcore and without it, what the CRM found, and how often either waited for locks."""

    ours: Busy
    found: Counter[str]
    without: Busy
    waits: int
    waits_without: int
    deadlocks: int


def compared(given: Namespace, served: Served) -> Compared:
    """Run the threads both ways, on new databases."""
    # CRM has an engine of its own: what its folding waits for is not the host's wait.
    with shop(served) as engine, CRM(engine.url.render_as_string(hide_password=False)) as crm:
        before = lock_waits(engine)
        with beside(folding(crm)):
            ours = busy(engine, given.threads, given.transactions, crossed(crm), None)
        waits, deadlocks = lock_waits(engine) - before, _deadlocks(engine)
        found = known(crm, engine)
    with shop(served) as engine:
        before = lock_waits(engine)
        without = busy(engine, given.threads, given.transactions, nothing, None)
        waits_without = lock_waits(engine) - before
    return Compared(
        ours=ours, found=found, without=without, waits=waits, waits_without=waits_without, deadlocks=deadlocks
    )


def lock_waits(engine: Engine) -> int:
    """Return how often a host's transaction has waited for another's lock by now; a file that grows is no lock."""
    with engine.connect() as connection:
        log = connection.execute(text("SELECT pg_read_file(pg_current_logfile())")).scalar()
    if log is None:
        raise SystemExit("This server does not log to a file of its own: leave CRM_TEST_PG_URL empty")
    waiting = [line for line in log.splitlines() if line.startswith(f"{HOST}|") and "still waiting for" in line]
    return sum("extension of relation" not in line for line in waiting)


def _deadlocks(engine: Engine) -> int:
    with engine.connect() as connection:
        query = text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        return int(connection.execute(query).scalar_one())


def transaction_figures(given: Namespace, served: Served) -> None:
    """Measure and print what tracking costs one transaction."""
    with shop(served) as engine, CRM(engine) as crm:
        show(given, "embed.track.postgresql", added(engine, crm, given.pairs, EACH))
        show(given, "embed.call.postgresql", calling(engine, crm, given.pairs))


def thread_figures(given: Namespace, served: Served) -> None:
    """Measure and print what came of many threads: sums over the rounds, and the median of the longest waits."""
    runs = [compared(given, served) for _ in range(given.rounds)]
    transactions = f"of {given.rounds * given.threads * given.transactions:,} transactions"
    for name, value, unit in (
        ("lost", sum((one.ours.committed - one.found).total() for one in runs), "events"),
        ("extra", sum((one.found - one.ours.committed).total() for one in runs), "events"),
        ("failed", sum(one.ours.failed for one in runs), transactions),
        ("deadlocks", sum(one.deadlocks for one in runs), transactions),
        ("lock_waits", sum(one.waits for one in runs), transactions),
        ("lock_waits_without", sum(one.waits_without for one in runs), transactions),
    ):
        report(as_json=given.json, name=f"embed.postgresql.{name}", value=value, unit=unit)
    wait = statistics.median(one.ours.longest for one in runs)
    peer = statistics.median(one.without.longest for one in runs)
    against = f"the longest without crmcore ({peer:.0f} ms)"
    name = "embed.postgresql.wait"
    report(as_json=given.json, name=name, value=wait, unit="ms", against=against, ratio=wait / peer)


def figures(given: Namespace) -> None:
    """Measure and print all figures on PostgreSQL."""
    with server() as served:
        transaction_figures(given, served)
    with server(LOGGED) as served:
        thread_figures(given, served)
