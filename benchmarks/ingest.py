"""Events in: `track_many` (validated, deduped, resolved, folded) beside the quickest way to write the same rows.

The peer is bare sqlite3.executemany, and on PostgreSQL psycopg's COPY. It writes the very rows that `track_many` writes, made
beforehand, into the same tables with all their indexes, with the same settings and the same 1,000 a transaction: events,
message ids, and the sums of each batch (on PostgreSQL copied into a temporary table and added from there). It validates,
resolves and adds up nothing. `ingest.sqlite.log` and `ingest.postgresql.log` are the same against a peer that keeps no sums:
events and message ids only. The customers are known beforehand and the events come in the order they happened, with a
message id each, as a feed does. PostgreSQL runs with its own defaults, and each run has a database of its own.
"""

from __future__ import annotations

import random
import sqlite3
import tempfile
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
from measuring import arguments, report, rounds, stopwatch
from serving import Served, server
from sqlalchemy import make_url

from crmcore import CRM, migrations
from crmcore.model.time import DAY
from crmcore.store.engine import PRAGMAS
from crmcore.store.sums import FOLD

BATCH = 1000
LOG = ("crm_event", "crm_message_id")
SUMS = {"crm_event_day": FOLD}
ALL = (*LOG, *SUMS)
STATEMENTS = {
    "crm_event": f"INSERT INTO crm_event VALUES ({', '.join('?' * 16)})",
    "crm_message_id": "INSERT INTO crm_message_id VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
    "crm_event_day": f"INSERT INTO crm_event_day VALUES ({', '.join('?' * 10)}) {FOLD}",
}
NAMES = ("order_placed", "item_ordered", "page_viewed", "product_viewed", "message_opened")


def made_events(count: int, customers: int, now: int) -> list[dict[str, Any]]:
    """Return rows for `track_many`, in the order of their time, over the year before `now`."""
    draw = random.Random(7)
    step = 365 * 86_400_000_000 // count
    return [
        {
            "name": draw.choice(NAMES),
            "customer": str(draw.randrange(customers)),
            "at": now - (count - number) * step,
            "item": f"item-{draw.randrange(3000)}",
            "quantity": draw.randrange(1, 9),
            "amount": draw.randrange(100, 20_000),
            "currency": "EUR",
            "ref": f"order-{number // 3}",
            "properties": {"page": "/shop", "number": number},
            "message_id": (now // 1000 + number).to_bytes(8, "big") + draw.randbytes(8),
        }
        for number in range(count)
    ]


def ours(folder: Path, rows: list[dict[str, Any]], customers: int) -> float:
    """Return the seconds `track_many` takes; the database stays for the peer to copy from."""
    path = folder / "ours.db"
    _clear(path)
    return _taken(str(path), rows, customers)


def _taken(database: str, rows: list[dict[str, Any]], customers: int) -> float:
    with CRM(database) as crm:
        crm.identify_many({"customer": str(number)} for number in range(customers))
        with stopwatch() as seconds:
            taken = crm.track_many(rows)
            took = seconds()
    if taken.new != len(rows):
        raise SystemExit(f"{taken.new} of {len(rows)} events were taken")
    return took


def raw(folder: Path, tables: tuple[str, ...]) -> float:
    """Return the seconds bare executemany takes for the rows that `ours` has written to these tables."""
    path = folder / "raw.db"
    _clear(path)
    with closing(sqlite3.connect(folder / "ours.db")) as written:
        batches = _batches(lambda query: written.execute(query).fetchall(), tables)
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    connection.executescript(migrations.sql("sqlite"))
    with stopwatch() as seconds:
        for batch in batches:
            connection.execute("BEGIN IMMEDIATE")
            for table, rows in batch.items():
                connection.executemany(STATEMENTS[table], rows)
            connection.execute("COMMIT")
        took = seconds()
    connection.close()
    return took


class Postgresql:
    """Runs on one server; the peer copies what the last run of `ours` has written."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self._written = ""

    def ours(self, rows: list[dict[str, Any]], customers: int) -> float:
        """Return the seconds `track_many` takes."""
        self._written = self._served.fresh()
        return _taken(self._written, rows, customers)

    def copied(self, tables: tuple[str, ...]) -> float:
        """Return the seconds COPY takes for the rows that `ours` has written to these tables."""
        with _connected(self._written) as written:
            batches = _batches(lambda query: written.execute(query).fetchall(), tables)
        with _connected(self._served.fresh()) as connection:
            for table in SUMS:
                connection.execute(f"CREATE TEMPORARY TABLE added_{table} (LIKE {table}) ON COMMIT DELETE ROWS")
            connection.commit()
            with stopwatch() as seconds:
                for batch in batches:
                    _copy_batch(connection, batch)
                return seconds()


def _copy_batch(connection: psycopg.Connection[Any], batch: dict[str, list[Any]]) -> None:
    with connection.cursor() as cursor:
        for table, rows in batch.items():
            with cursor.copy(f"COPY {f'added_{table}' if table in SUMS else table} FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        for table in SUMS.keys() & batch.keys():
            cursor.execute(f"INSERT INTO {table} SELECT * FROM added_{table} {SUMS[table]}")
    connection.commit()


@contextmanager
def _connected(url: str) -> Iterator[psycopg.Connection[Any]]:
    address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address) as connection:
        yield connection


def _batches(read: Callable[[str], list[Any]], tables: tuple[str, ...]) -> list[dict[str, list[Any]]]:
    """Return the rows of each transaction by table; the sums are those of its own events."""
    events = read("SELECT * FROM crm_event ORDER BY id")
    ids = read("SELECT * FROM crm_message_id ORDER BY event_id")
    batches = []
    for start in range(0, len(events), BATCH):
        some = events[start : start + BATCH]
        whole = {"crm_event": some, "crm_message_id": ids[start : start + BATCH], "crm_event_day": _days(some)}
        batches.append({table: whole[table] for table in tables})
    return batches


def _days(events: list[Any]) -> list[Any]:
    sums: dict[Any, list[int]] = {}
    for _, workspace, customer, _, name, at, _, _, quantity, amount, currency, *_ in events:
        one = sums.setdefault((workspace, at // DAY, customer, name, currency), [0, at, at, 0, 0])
        one[0], one[2], one[3], one[4] = one[0] + 1, at, one[3] + quantity, one[4] + amount
    return [(*key, *values) for key, values in sorted(sums.items())]


def _clear(path: Path) -> None:
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
        path.with_name(name).unlink(missing_ok=True)


def main() -> None:
    parser = arguments(__doc__ or "")
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--customers", type=int, default=20_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, server() as served:
        folder, postgresql = Path(name), Postgresql(served)
        with CRM(str(folder / "clock.db")) as crm:
            rows = made_events(given.events, given.customers, crm.now())
        taken = rounds(
            given.rounds,
            lambda: ours(folder, rows, given.customers),
            lambda: raw(folder, ALL),
            lambda: raw(folder, LOG),
            lambda: postgresql.ours(rows, given.customers),
            lambda: postgresql.copied(ALL),
            lambda: postgresql.copied(LOG),
        )
    _print(given, "ingest.sqlite", "sqlite3.executemany", taken[:3])
    _print(given, "ingest.postgresql", "COPY", taken[3:])


def _print(given: Namespace, name: str, way: str, taken: list[float]) -> None:
    mine, bare, log = taken
    for suffix, peer, which in (
        ("", bare, "the same rows into the same tables"),
        (".log", log, "the events and message ids alone"),
    ):
        report(
            as_json=given.json,
            name=f"{name}{suffix}",
            value=given.events / mine,
            unit="events/s",
            against=f"{way} of {which} ({given.events / peer:.0f} events/s)",
            ratio=peer / mine,
        )


if __name__ == "__main__":
    main()
