"""What is read of segments: timers that are due, and conditions in SQL. benchmarks/segment.py says what is measured."""

from __future__ import annotations

import statistics
import sys
import tempfile
from argparse import Namespace
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from measuring import rounds, stopwatch
from segmenting import CITIES, START, Figure, opened, progress, stream
from serving import server
from sqlalchemy import text

from crmcore import CRM
from crmcore.model.building import attribute, event
from crmcore.model.time import DAY, SECOND
from crmcore.rules.tree import customer_ids, fetched
from crmcore.store import standings
from crmcore.store.engine import open_engine
from crmcore.store.standings import Standing
from crmcore.testing.agreement import mismatches as unlike
from crmcore.testing.clock import TurnedClock

DUE, AT_ONCE, LOOKS = 1000, 20_000, 101
CLAUSE = (
    (event("order_placed").count(within="180d") >= 2)
    & event("message_opened").did_not(within="30d")
    & attribute("city").in_(CITIES[:3])
)
BY_HAND = """
SELECT c.id FROM crm_customer AS c
WHERE c.workspace_id = :workspace AND c.merged_into IS NULL AND c.erased_at IS NULL
AND c.id IN (SELECT customer_id FROM crm_attribute WHERE workspace_id = :workspace AND name = 'city' AND kind = 'text'
             AND text IN ('city-0', 'city-1', 'city-2'))
AND c.id IN (SELECT customer_id FROM crm_event WHERE workspace_id = :workspace AND name = 'order_placed'
             AND occurred_at > :half_year AND occurred_at <= :now GROUP BY customer_id HAVING count(*) >= 2)
AND c.id NOT IN (SELECT customer_id FROM crm_event WHERE workspace_id = :workspace AND name = 'message_opened'
                 AND occurred_at > :month AND occurred_at <= :now)
"""


@contextmanager
def _databases() -> Iterator[Mapping[str, str]]:
    """Give an empty database on each store, by URL."""
    with tempfile.TemporaryDirectory() as folder, server() as served:
        yield {"sqlite": f"sqlite:///{Path(folder) / 'crm.db'}", "postgresql": served.fresh()}


def due(given: Namespace) -> Iterator[Figure]:
    """Let standings wait, of which a batch is due."""
    with _databases() as databases:
        for dialect, url in databases.items():
            with CRM(url, clock=TurnedClock(START)) as crm:
                _let_wait(crm, given.timers)
                seconds = statistics.median(_found_due(crm) for _ in range(LOOKS))
            yield Figure(
                name="segment.due" if dialect == "sqlite" else f"segment.due.{dialect}",
                value=seconds * 1000,
                unit="ms",
                against=f"{given.timers:,} that wait, {DUE:,} of them due",
            )


def _let_wait(crm: CRM, count: int) -> None:
    """The last of a batch is due now, one more every second from then on; a customer's id says nothing of when."""
    now = crm.now()
    for start in range(0, count, AT_ONCE):
        numbers = range(start, min(start + AT_ONCE, count))
        some = {
            number * 7919 % count + 1: Standing(
                generation=1, holding=frozenset(range(8)), changes={number % 65: now + (number - DUE + 1) * SECOND}
            )
            for number in numbers
        }
        crm._opened.write(lambda scope, some=some: standings.save(scope, some))
        progress(f"{numbers[-1] + 1:,} of {count:,} timers")


def _found_due(crm: CRM) -> float:
    with crm._opened.reading() as scope, stopwatch() as seconds:
        found = standings.due(scope, DUE)
        took = seconds()
        more = len(standings.due(scope, 2 * DUE))
    if (len(found), more) != (DUE, DUE):
        raise SystemExit(f"{more} are due where {DUE} should be")
    return took


def sql(given: Namespace) -> Iterator[Figure]:
    """Ask a behavioural segment of a shop on each store."""
    with _databases() as databases:
        for dialect, url in databases.items():
            clock = TurnedClock(START)
            with opened(url, clock, given.customers, {}) as crm:
                for rows in stream(given, clock):
                    crm.track_many(rows)
                if compiled(crm)[1] != by_hand(crm)[1]:
                    raise SystemExit(f"the two do not agree on the members on {dialect}")
                mine, hand = rounds(max(given.rounds, 15), lambda: compiled(crm)[0], lambda: by_hand(crm)[0])
            yield Figure(
                name=f"segment.sql.{dialect}",
                value=mine * 1000,
                unit="ms",
                against=f"hand-written SQL ({hand * 1000:.1f} ms)",
                ratio=mine / hand,
            )


def compiled(crm: CRM) -> tuple[float, list[int]]:
    """Return the seconds and the members by the condition."""
    with crm._opened.reading() as scope, stopwatch() as seconds:
        found = fetched(scope, customer_ids(CLAUSE.condition, scope))
        took = seconds()
    return took, sorted(one for (one,) in found)


def by_hand(crm: CRM) -> tuple[float, list[int]]:
    """Return the seconds and the members by hand-written SQL."""
    with crm._opened.reading() as scope, stopwatch() as seconds:
        values = {
            "workspace": scope.workspace_id,
            "now": scope.now,
            "month": scope.now - 30 * DAY,
            "half_year": scope.now - 180 * DAY,
        }
        found = scope.connection.execute(text(BY_HAND), values).all()
        took = seconds()
    return took, sorted(one for (one,) in found)


def mismatches(given: Namespace) -> Iterator[Figure]:
    """Draw trees and populations, and count the trees of which SQL and the reference tell differently."""
    with _databases() as databases, ExitStack() as held:
        engines = {name: open_engine(url) for name, url in databases.items()}
        for engine in engines.values():
            held.callback(engine.dispose)
        count = 0
        for line in unlike(engines, given.cases):
            print(line, file=sys.stderr)
            count += 1
    yield Figure(
        name="segment.mismatches", value=count, unit="mismatches", against=f"{given.cases:,} cases on both stores"
    )
