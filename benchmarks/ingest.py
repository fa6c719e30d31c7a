"""Events into SQLite: `track_many` (validated, deduped, resolved, folded) beside bare sqlite3.executemany.

The peer writes the very rows that `track_many` has written (events and message ids, with all their indexes) with the same
pragmas and the same 1,000 a transaction; it validates, resolves and sums nothing. The customers are known beforehand and
the events come in the order they happened, with a message id each, as a shop's own feed does.
"""

from __future__ import annotations

import random
import sqlite3
import tempfile
from pathlib import Path
from typing import Any

from measuring import arguments, report, rounds, stopwatch

from crmcore import CRM, migrations
from crmcore.store.engine import PRAGMAS

BATCH = 1000
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
    with CRM(str(path)) as crm:
        crm.identify_many({"customer": str(number)} for number in range(customers))
        with stopwatch() as seconds:
            taken = crm.track_many(rows)
            took = seconds()
    if taken.new != len(rows):
        raise SystemExit(f"{taken.new} of {len(rows)} events were taken")
    return took


def raw(folder: Path) -> float:
    """Return the seconds bare executemany takes for the rows that `ours` has written."""
    path = folder / "raw.db"
    _clear(path)
    tables = {table: _rows(folder / "ours.db", table) for table in ("crm_event", "crm_message_id")}
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    connection.executescript(migrations.sql("sqlite"))
    with stopwatch() as seconds:
        for start in range(0, len(tables["crm_event"]), BATCH):
            connection.execute("BEGIN IMMEDIATE")
            for table, rows in tables.items():
                marks = ", ".join("?" * len(rows[0]))
                connection.executemany(
                    f"INSERT INTO {table} VALUES ({marks}) ON CONFLICT DO NOTHING", rows[start : start + BATCH]
                )
            connection.execute("COMMIT")
        took = seconds()
    connection.close()
    return took


def _rows(path: Path, table: str) -> list[tuple[Any, ...]]:
    order = "event_id" if table == "crm_message_id" else "id"
    with sqlite3.connect(path) as connection:
        return connection.execute(f"SELECT * FROM {table} ORDER BY {order}").fetchall()


def _clear(path: Path) -> None:
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
        path.with_name(name).unlink(missing_ok=True)


def main() -> None:
    parser = arguments(__doc__ or "")
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--customers", type=int, default=20_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with CRM(str(folder / "clock.db")) as crm:
            rows = made_events(given.events, given.customers, crm.now())
        mine, bare = rounds(given.rounds, lambda: ours(folder, rows, given.customers), lambda: raw(folder))
    report(
        as_json=given.json,
        name="ingest.sqlite",
        value=given.events / mine,
        unit="events/s",
        against="sqlite3.executemany into the same tables",
        ratio=bare / mine,
    )


if __name__ == "__main__":
    main()
