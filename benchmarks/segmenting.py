"""The shop that segments are measured on: its customers and events, its hundred segments, and what has been spent."""

from __future__ import annotations

import random
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import attrs

from crmcore import CRM
from crmcore.flow import segments
from crmcore.model.building import attribute, event
from crmcore.model.clauses import Clause
from crmcore.model.time import DAY, microseconds
from crmcore.testing.clock import TurnedClock

START = microseconds(datetime(2024, 1, 1, tzinfo=UTC), "the start")
SPAN, BATCH = 730 * DAY, 1000
NAMES = (
    "order_placed",
    "item_ordered",
    "page_viewed",
    "product_viewed",
    "message_opened",
    "cart_filled",
    "searched",
    "reviewed",
)
CITIES = [f"city-{number}" for number in range(50)]
SEGMENTS, ATOMS = 100, 65
Row = dict[str, Any]
Result = TypeVar("Result")


@attrs.frozen(kw_only=True)
class Figure:
    """What is reported; `ratio` is to what `against` names."""

    name: str
    value: float
    unit: str
    against: str = ""
    ratio: float | None = None


@attrs.define(kw_only=True)
class Spent:
    """Seconds by the wall and of this process."""

    wall: float = 0.0
    cpu: float = 0.0

    def on(self, act: Callable[[], Result]) -> Result:
        """Do something, and add what it takes."""
        wall, cpu = time.perf_counter(), time.process_time()
        result = act()
        self.wall += time.perf_counter() - wall
        self.cpu += time.process_time() - cpu
        return result


def compared(name: str, mine: Spent, peer: Spent, events: int, against: str) -> Iterator[Figure]:
    """Yield what an event takes beside a peer, by the wall and in CPU: the second knows no other process."""
    for suffix, own, other in (("", mine.wall, peer.wall), (".cpu", mine.cpu, peer.cpu)):
        beside = f"{against} ({other / events * 1e6:.1f} us/event)"
        yield Figure(
            name=f"{name}{suffix}", value=own / events * 1e6, unit="us/event", against=beside, ratio=own / other
        )


def the_hundred() -> dict[str, Clause]:
    """Return the segments: each two to four of 65 atoms "n events of a kind in a window", some denied, in 3 of 50 cities."""
    draw = random.Random(5)
    every = [(kind, least, days) for kind in NAMES for least in (1, 2, 3) for days in (7, 30, 90)]
    return {f"segment_{number}": _drawn(draw, every[:ATOMS]) for number in range(SEGMENTS)}


def _drawn(draw: random.Random, atoms: list[tuple[str, int, int]]) -> Clause:
    parts = []
    for kind, least, days in draw.choices(atoms, k=draw.choice((2, 3, 4))):
        clause = event(kind).count(within=f"{days}d") >= least
        parts.append(~clause if draw.random() < 0.3 else clause)
    whole = parts[0]
    for part in parts[1:]:
        whole = (whole & part) if draw.random() < 0.6 else (whole | part)
    return whole & attribute("city").in_(draw.sample(CITIES, 3))


def opened(database: str, clock: TurnedClock, customers: int, clauses: dict[str, Clause]) -> CRM:
    """Open a CRM that knows the customers and keeps these segments."""
    crm = CRM(database, clock=clock)
    for name, clause in clauses.items():
        crm.define_segment(name, clause)
    crm.identify_many({"customer": str(n), "attributes": {"city": CITIES[n % len(CITIES)]}} for n in range(customers))
    crm._catch_up()
    return crm


def stream(given: Namespace, clock: TurnedClock) -> Iterator[list[Row]]:
    """Yield the events of two years in the order of their time, a thousand at once; the clock follows them."""
    draw = random.Random(7)
    for start in range(0, given.events, BATCH):
        numbers = range(start, min(start + BATCH, given.events))
        rows = [_row(draw, given.customers, START + number * SPAN // given.events) for number in numbers]
        clock.turn(timedelta(microseconds=rows[-1]["at"] - clock.now()))
        progress(f"{numbers[-1] + 1:,} of {given.events:,} events")
        yield rows


def _row(draw: random.Random, customers: int, at: int) -> Row:
    return {
        "name": draw.choice(NAMES),
        "customer": str(draw.randrange(customers)),
        "at": at,
        "amount": draw.randrange(100, 20_000),
        "currency": "EUR",
        "message_id": (at // 1000).to_bytes(8, "big") + draw.randbytes(8),
    }


def check(crm: CRM) -> None:
    """Compare the members of every segment with looking at everybody; leave where one differs."""
    for name in crm.segments():
        segment = crm.segment(name)
        members = segment.members()
        with crm._opened.reading() as scope:
            wanted = segments.found(scope, segment.condition, {}, limit=None)
        if members != wanted:
            raise SystemExit(f"{name} has {len(members)} members where looking at everybody finds {len(wanted)}")
        progress(f"{name} is right: {len(members)} members")


def progress(line: str) -> None:
    """Say on a terminal how far it is, over what was said before."""
    if sys.stderr.isatty():
        print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)
