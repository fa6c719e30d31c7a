"""What writing costs where segments are kept up to date: benchmarks/segment.py says what is measured."""

from __future__ import annotations

import tempfile
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

from segmenting import START, Figure, Spent, check, compared, opened, stream, the_hundred

from crmcore import CRM
from crmcore.testing.clock import TurnedClock


def fold(given: Namespace) -> Iterator[Figure]:
    """Take each batch with the sums of customers' events, and into another file without."""
    clock, folded, appended = TurnedClock(START), Spent(), Spent()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with (
            opened(str(folder / "folded.db"), clock, given.customers, {}) as one,
            opened(str(folder / "appended.db"), clock, given.customers, {}) as other,
        ):
            for rows in stream(given, clock):
                folded.on(lambda: one.track_many(rows))  # noqa: B023 - done with before the next
                with mock.patch("crmcore.store.sums.fold"):
                    appended.on(lambda: other.track_many(rows))  # noqa: B023 - the same
    yield from compared("segment.fold", folded, appended, given.events, "track_many that only appends")


def upkeep(given: Namespace) -> Iterator[Figure]:
    """Take each batch into three files: without segments, with them, and with a tick of the timer after each."""
    clock, without, kept, ticking, ticks = TurnedClock(START), Spent(), Spent(), Spent(), Spent()
    with _three(given, clock) as (plain, live, ticked):
        for rows in stream(given, clock):
            without.on(lambda: plain.track_many(rows))  # noqa: B023 - done with before the next
            kept.on(lambda: live.track_many(rows))  # noqa: B023 - the same
            ticking.on(lambda: ticked.track_many(rows))  # noqa: B023 - the same
            ticks.on(ticked._catch_up)
        kept.on(live._catch_up)
        check(live)
        check(ticked)
    yield from compared("segment.upkeep_100", kept, without, given.events, "track_many without segments")
    with_ticks = Spent(wall=ticking.wall + ticks.wall, cpu=ticking.cpu + ticks.cpu)
    yield Figure(
        name="segment.tick",
        value=ticks.wall / given.events * 1e6,
        unit="us/event",
        against="track_many without segments, catching up after every batch included,",
        ratio=with_ticks.wall / without.wall,
    )


@contextmanager
def _three(given: Namespace, clock: TurnedClock) -> Iterator[tuple[CRM, CRM, CRM]]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with (
            opened(str(folder / "plain.db"), clock, given.customers, {}) as plain,
            opened(str(folder / "live.db"), clock, given.customers, the_hundred()) as live,
            opened(str(folder / "ticked.db"), clock, given.customers, the_hundred()) as ticked,
        ):
            yield plain, live, ticked
