"""What a tracking plan costs: taking events in with one and without, and telling from the log what was sent.

`tracking.screened` is `track_many` of events whose source declares a plan that all of them fit, beside the same events from
a source that declares nothing. `tracking.schema` is `crm.schema()` over the whole log, beside a loop over the same log in
Python that comes to the same answer with `json.loads`: what it saves.
"""

from __future__ import annotations

import json
import sqlite3
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from ingest import made_events
from measuring import arguments, report, rounds, stopwatch

from crmcore import CRM
from crmcore.model.tracking import COLUMNS, EventPlan, FieldPlan, Source
from crmcore.model.values import kind_of_plain

FIELDS = {"page": FieldPlan("text", required=True), "number": "int"}


def taken_in(path: Path, rows: list[dict[str, Any]], plan: Source | None) -> float:
    """Return the seconds `track_many` takes on a new database."""
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
        path.with_name(name).unlink(missing_ok=True)
    with CRM(str(path)) as crm:
        if plan is not None:
            crm.declare_source(plan)
        crm.identify_many({"customer": key} for key in sorted({row["customer"] for row in rows}))
        with stopwatch() as seconds:
            taken = crm.track_many(rows)
            took = seconds()
    if (taken.new, taken.quarantined) != (len(rows), 0):
        raise SystemExit(f"{taken.new} of {len(rows)} events were taken")
    return took


def told(path: Path) -> float:
    """Return the seconds `schema` takes."""
    with CRM(str(path)) as crm, stopwatch() as seconds:
        crm.schema()
        return seconds()


def looped(path: Path) -> float:
    """Return the seconds a loop over the log takes to the same answer."""
    events: dict[Any, list[int]] = {}
    fields: dict[Any, list[int]] = {}
    columns: Counter[tuple[Any, ...]] = Counter()
    with sqlite3.connect(path) as connection, stopwatch() as seconds:
        query = f"SELECT source_id, name, occurred_at, properties, {', '.join(COLUMNS)} FROM crm_event"
        for source, name, at, properties, *filled in connection.execute(query):
            _see(events, (source, name), at)
            columns.update((source, name, column) for column, value in zip(COLUMNS, filled, strict=True) if value)
            for field, value in json.loads(properties).items():
                _see(fields, (source, name, field, kind_of_plain(value)), at)
        return seconds()


def _see(seen: dict[Any, list[int]], key: tuple[Any, ...], at: int) -> None:
    known = seen.setdefault(key, [0, at, at])
    known[0], known[1], known[2] = known[0] + 1, min(known[1], at), max(known[2], at)


def main() -> None:
    parser = arguments(__doc__ or "")
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--customers", type=int, default=20_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with CRM(str(folder / "clock.db")) as crm:
            rows = [row | {"source": "web"} for row in made_events(given.events, given.customers, crm.now())]
        plan = Source("web", events={row["name"]: EventPlan(needs=["item"], fields=FIELDS) for row in rows})
        path = folder / "crm.db"
        free, screened, schema, loop = rounds(
            given.rounds,
            lambda: taken_in(path, rows, None),
            lambda: taken_in(path, rows, plan),
            lambda: told(path),
            lambda: looped(path),
        )
    for figure, seconds, peer, against in (
        ("tracking.screened", screened, free, "the same events from a source that declares nothing"),
        ("tracking.schema", schema, loop, "a loop over the log in Python"),
    ):
        value = given.events / seconds
        report(as_json=given.json, name=figure, value=value, unit="events/s", against=against, ratio=peer / seconds)


if __name__ == "__main__":
    main()
