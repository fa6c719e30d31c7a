"""Exports of events and customers beside the bare query written out: rows a second, and the memory it takes.

The peer selects the very columns from SQLite and writes them with the csv module: it names no customers, looks no message
ids up, and takes no care of formulas, times or money. The peak of memory is that of a process of its own; 64 MB of it are
SQLite's cache, and it is the same for 1,000,000 events as for 3,000,000.
"""

from __future__ import annotations

import csv
import json
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

from ingest import made_events
from measuring import arguments, report, rounds, stopwatch

from crmcore import CRM

COLUMNS = "id, customer_id, name, occurred_at, item, quantity, amount, currency, ref, properties, source_id, trace"


def fill(path: Path, events: int, customers: int) -> None:
    """Make a store to be exported."""
    with CRM(str(path)) as crm:
        crm.identify_many(
            {"customer": {"key": str(one), "email": f"{one}@example.com"}, "attributes": {"city": "Bandung", "age": 7}}
            for one in range(customers)
        )
        for part in range(10):
            crm.track_many(made_events(events // 10, customers, crm.now() - part))


def ours(database: Path, kind: str, suffix: str) -> float:
    """Return the seconds an export takes."""
    with CRM(str(database)) as crm, stopwatch() as seconds:
        crm.export_file(kind, database.with_name(f"{kind}{suffix}"))
        return seconds()


def bare(database: Path) -> float:
    """Return the seconds of the query and the csv module alone."""
    connection = sqlite3.connect(database)
    with stopwatch() as seconds, database.with_name("bare.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerows(connection.execute(f"SELECT {COLUMNS} FROM crm_event ORDER BY id"))
        took = seconds()
    connection.close()
    return took


def peak(database: Path) -> float:
    """Return the megabytes an export of events takes at its peak, in a process of its own."""
    command = [sys.executable, __file__, "--peak-of", str(database)]
    return float(json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout))


def print_peak(database: Path) -> None:
    """Export events and print the peak of this process; getrusage would count what its parent took (Linux)."""
    ours(database, "events", ".peak.csv")
    [line] = [one for one in Path("/proc/self/status").read_text().splitlines() if one.startswith("VmHWM")]
    print(json.dumps(int(line.split()[1]) / 1024))


def main() -> None:
    parser = arguments(__doc__ or "")
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--peak-of", type=Path, help="measure the memory of one export of this database, and no more")
    given = parser.parse_args()
    if given.peak_of:
        print_peak(given.peak_of)
        return
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "shop.db"
        fill(database, given.events, given.customers)
        peer, *took = rounds(
            given.rounds,
            lambda: bare(database),
            lambda: ours(database, "events", ".csv"),
            lambda: ours(database, "events", ".arrow"),
            lambda: ours(database, "customers", ".csv"),
        )
        memory = peak(database)
    against = "the bare query written by the csv module"
    for name, seconds in zip(("export.events.csv", "export.events.arrow"), took, strict=False):
        figure = given.events / seconds
        report(as_json=given.json, name=name, value=figure, unit="rows/s", against=against, ratio=peer / seconds)
    report(as_json=given.json, name="export.customers.csv", value=given.customers / took[2], unit="rows/s")
    report(as_json=given.json, name="export.peak", value=memory, unit="MB")


if __name__ == "__main__":
    main()
