"""What a change costs in a shop that has stood for two years: benchmarks/segment.py says what is measured."""

from __future__ import annotations

import random
import shutil
import statistics
import tempfile
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from measuring import stopwatch
from segmenting import CITIES, NAMES, START, Figure, Spent, check, opened, progress, stream, the_hundred

from crmcore import CRM
from crmcore.model.building import event
from crmcore.testing.clock import TurnedClock

FEW, MANY = 10, 5000
TRACKS, REFRESHES = 400, 40


def changing(given: Namespace) -> Iterator[Figure]:
    """Fill the segments of a shop, then change some of its customers and track single events."""
    clock = TurnedClock(START)
    with tempfile.TemporaryDirectory() as name:
        plain_path, live_path = Path(name) / "plain.db", Path(name) / "live.db"
        with opened(str(plain_path), clock, given.customers, {}) as crm:
            for rows in stream(given, clock):
                crm.track_many(rows)
        shutil.copy(plain_path, live_path)
        with CRM(str(plain_path), clock=clock) as plain, CRM(str(live_path), clock=clock) as live:
            yield from _filled(live, given)
            yield from _tracked(plain, live, given)
            yield from _refreshed(live, given)
            check(live)


def _filled(live: CRM, given: Namespace) -> Iterator[Figure]:
    for name, clause in the_hundred().items():
        live.define_segment(name, clause)
    against = f"{given.customers:,} customers"
    progress("filling")
    yield Figure(name="segment.fill_100", value=_catching_up(live), unit="s", against=against)
    took = []
    for number in range(given.rounds):
        live.define_segment("segment_0", event(NAMES[number]).count(within=f"{50 + number}d") >= 2)
        took.append(_catching_up(live))
    yield Figure(name="segment.fill", value=statistics.median(took), unit="s", against=against)


def _tracked(plain: CRM, live: CRM, given: Namespace) -> Iterator[Figure]:
    draw = random.Random(11)
    took: list[tuple[float, float]] = []
    for _ in range(TRACKS):
        name, customer = draw.choice(NAMES), str(draw.randrange(given.customers))
        took.append((_track(plain, name, customer), _track(live, name, customer)))
    without, kept = map(statistics.median, zip(*took, strict=True))
    beside = f"track without segments ({without * 1e6:.0f} us)"
    yield Figure(name="segment.track_100", value=kept * 1e6, unit="us", against=beside, ratio=kept / without)


def _track(crm: CRM, name: str, customer: str) -> float:
    spent = Spent()
    spent.on(lambda: crm.track(name, customer, amount=500, currency="EUR"))
    return spent.wall


def _refreshed(live: CRM, given: Namespace) -> Iterator[Figure]:
    draw = random.Random(13)
    many = min(MANY, given.customers)
    few_took = statistics.median(_refresh(live, draw, given, FEW) for _ in range(REFRESHES))
    many_took = statistics.median(_refresh(live, draw, given, many) for _ in range(given.rounds))
    beside = f"one of {FEW} changed customers"
    yield Figure(name="segment.refresh_10", value=few_took * 1000, unit="ms", against=f"{given.customers:,} customers")
    yield Figure(
        name="segment.refresh_growth",
        value=many_took * 1000,
        unit=f"ms for {many:,} changed customers",
        against=f"{beside}, {many_took / many / few_took * FEW:.2f} x of it per customer",
        ratio=many_took / few_took,
    )


def _refresh(live: CRM, draw: random.Random, given: Namespace, count: int) -> float:
    """Let a host move half of some customers and buy for the others; return the seconds until segments are right."""
    with live._opened.engine.begin() as connection:
        writer = live.using(connection)
        for place, number in enumerate(draw.sample(range(given.customers), count)):
            if place % 2:
                writer.identify(str(number), {"city": draw.choice(CITIES)})
            else:
                writer.track(draw.choice(NAMES), str(number), amount=500, currency="EUR")
    return _catching_up(live)


def _catching_up(crm: CRM) -> float:
    with stopwatch() as seconds:
        crm._catch_up()
        return seconds()
