"""Events into SQLite: `track_many` (validated, deduped, resolved, folded) beside bare sqlite3.executemany.

The peer writes the very rows that `track_many` writes, made beforehand, into the same tables with all their indexes, with
the same pragmas and the same 1,000 a transaction: events, message ids, and the sums of each batch. It validates, resolves
and adds up nothing. `ingest.sqlite.log` is the same against a peer that keeps no sums: events and message ids only. The
customers are known beforehand and the events come in the order they happened, with a message id each, as a feed does.
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
from crmcore.store.events import _FOLD

BATCH = 1000
LOG = ("crm_event", "crm_message_id")
ALL = (*LOG, "crm_event_stat")
STATEMENTS = {
    "crm_event": f"INSERT INTO crm_event VALUES ({', '.join('?' * 16)})",
    "crm_message_id": "INSERT INTO crm_message_id VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
    "crm_event_stat": f"INSERT INTO crm_event_stat VALUES ({', '.join('?' * 9)}) {_FOLD}",
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
    with CRM(str(path)) as crm:
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
    batches = _batches(folder / "ours.db", tables)
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


def _batches(path: Path, tables: tuple[str, ...]) -> list[dict[str, list[Any]]]:
    """Return the rows of each transaction by table; the sums are those of its own events."""
    events, ids = _rows(path, "crm_event"), _rows(path, "crm_message_id")
    batches = []
    for start in range(0, len(events), BATCH):
        some = events[start : start + BATCH]
        whole = {"crm_event": some, "crm_message_id": ids[start : start + BATCH], "crm_event_stat": _sums(some)}
        batches.append({table: whole[table] for table in tables})
    return batches


def _sums(events: list[Any]) -> list[Any]:
    sums: dict[Any, list[int]] = {}
    for _, workspace, customer, _, name, at, _, _, quantity, amount, currency, *_ in events:
        one = sums.setdefault((workspace, customer, name, currency), [0, at, at, 0, 0])
        one[0], one[2], one[3], one[4] = one[0] + 1, at, one[3] + quantity, one[4] + amount
    return [(*key, *values) for key, values in sorted(sums.items())]


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
        mine, bare, log = rounds(
            given.rounds,
            lambda: ours(folder, rows, given.customers),
            lambda: raw(folder, ALL),
            lambda: raw(folder, LOG),
        )
    for name, peer, against in (
        ("ingest.sqlite", bare, "sqlite3.executemany of the same rows into the same tables"),
        ("ingest.sqlite.log", log, "sqlite3.executemany of the events and message ids alone"),
    ):
        value = given.events / mine
        report(as_json=given.json, name=name, value=value, unit="events/s", against=against, ratio=peer / mine)


if __name__ == "__main__":
    main()
