"""What hooks cost: a call of one, and what hostile plugins cost the host that tracks.

`hooks.call`: the microseconds that calling one listener takes beyond a plain loop that calls the same listener with the same
batch inside `try` and `except`. `hooks.batch` is what each plugin costs besides, once a batch (of a thousand notices at
most): making the batch, and the thread it is told on.

`hooks.hostile_track`: how long `crm.track` takes where three hostile plugins listen (one raises, one hangs for a minute, one
returns rubbish) beside a well-behaved one, as a ratio to how long it takes where the well-behaved one listens alone. In both
cases another process works all the time; rounds of the two take turns. `hooks.lost` counts the events that are not in the
log, or of which the well-behaved plugin was not told, or that no longer wait for those that failed; it has to be 0.
`hooks.inside_track` is the longest that a track took while a plugin hung within a transaction of its own (ms): on SQLite it
waits until that is rolled back.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import fmean
from threading import Event
from typing import Any

import attrs
from measuring import arguments, report, rounds, stopwatch

from crmcore import CRM
from crmcore.flow.telling import Came, Threads, parts, tell
from crmcore.hooks.marker import hookimpl
from crmcore.hooks.notices import EventTracked, Notices
from crmcore.hooks.setup import Setup
from crmcore.hooks.tables import Tables
from crmcore.loader import installed
from crmcore.model.time import SystemClock
from crmcore.store.notices import Notice

HOOK = "crm_event_tracked"
SETUP = Setup(clock=SystemClock())
BLOCKED = installed()
#: How often a process that works looks, in seconds.
EVERY = 0.02
MINUTE = 60.0


class Calm:
    """It keeps the ids of the events it is told of."""

    def __init__(self) -> None:
        self.told: set[int] = set()

    @hookimpl
    def crm_event_tracked(self, batch: Notices[EventTracked]) -> None:
        """Take note."""
        self.told.update(one.event_id for one in batch.entries)


@attrs.frozen(eq=False)
class Hostile:
    """It does something else than to take note."""

    act: Callable[[Notices[EventTracked]], object]

    @hookimpl
    def crm_event_tracked(self, batch: Notices[EventTracked]) -> object:
        """Do it."""
        return self.act(batch)


def raises(_batch: object) -> None:
    raise RuntimeError("hostile")


def hangs(_batch: object) -> None:
    Event().wait(MINUTE)


def hangs_inside(batch: Notices[EventTracked]) -> None:
    def act(_tables: Tables) -> None:
        Event().wait(MINUTE)

    batch.write(act)


def rubbish(_batch: object) -> object:
    return [object()]


KINDS: Mapping[str, Mapping[str, Callable[[Any], object]]] = {
    "calm": {},
    "hostile": {"raises": raises, "hangs": hangs, "rubbish": rubbish},
    "inside": {"inside": hangs_inside},
}


def opened(database: str, kind: str) -> tuple[CRM, Calm]:
    """Open a CRM in which a well-behaved plugin listens, and beside it those of a kind."""
    calm = Calm()
    plugins = {"calm": calm, **{name: Hostile(act) for name, act in KINDS[kind].items()}}
    return CRM(database, plugins=plugins, blocked=BLOCKED, notices={"budget": "1s"}), calm


def work(database: str, kind: str) -> None:
    """Work when told to ("go") until told to pause; at the end print the ids that the well-behaved plugin was told of."""
    crm, calm = opened(database, kind)
    crm.work()
    print("ready", flush=True)
    while sys.stdin.readline().strip() == "go":
        pause = Path(f"{database}.pause")
        while not pause.exists():
            crm.work()
            time.sleep(EVERY)
        print("paused", flush=True)
    crm.work()
    print(json.dumps(sorted(calm.told)), flush=True)


class Worker:
    """A process that works beside."""

    def __init__(self, database: str, kind: str) -> None:
        command = [sys.executable, __file__, "--work", database, kind]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._pause = Path(f"{database}.pause")
        self._heard()

    @contextmanager
    def working(self) -> Iterator[None]:
        """Let it work meanwhile."""
        self._pause.unlink(missing_ok=True)
        self._say("go")
        yield
        self._pause.touch()
        self._heard()

    def end(self) -> set[int]:
        """Return what the well-behaved plugin was told of, all in all."""
        self._say("end")
        told = set(json.loads(self._heard()))
        self._process.communicate()
        return told

    def _say(self, word: str) -> None:
        assert self._process.stdin is not None
        print(word, file=self._process.stdin, flush=True)

    def _heard(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()


class Host:
    """An application that tracks, with a process that works beside."""

    def __init__(self, database: str, kind: str) -> None:
        self.crm, _ = opened(database, kind)
        self.worker, self.longest = Worker(database, kind), 0.0

    def track(self, count: int) -> float:
        """Return how many ms a track takes, on average."""
        took = []
        with self.worker.working():
            for number in range(count):
                start = time.perf_counter()
                self.crm.track("page_viewed", str(number % 50))
                took.append((time.perf_counter() - start) * 1000)
        self.longest = max(self.longest, *took)
        return fmean(took)

    def lost(self, tracked: int) -> int:
        """Return how many events are missing: from the log, from what was told, from what waits for those that failed."""
        told = self.worker.end()
        logged = sum(one.count for one in self.crm.totals())
        waits = [one.waiting for one in self.crm.stats().notices if one.plugin != "calm"]
        return sum(tracked - one for one in (logged, len(told), *waits))


def hostile_figures(given: Namespace) -> None:
    """Measure and print what hostile plugins cost a host."""
    with tempfile.TemporaryDirectory() as folder:
        calm, hostile, inside = (Host(f"{folder}/{kind}.db", kind) for kind in KINDS)
        counts = max(given.rounds, 9), given.tracks
        usual, took = rounds(counts[0], partial(calm.track, given.tracks), partial(hostile.track, given.tracks))
        inside.track(given.tracks)
        lost = calm.lost(counts[0] * counts[1]) + hostile.lost(counts[0] * counts[1]) + inside.lost(given.tracks)
        against = f"a well-behaved plugin alone ({usual:.3f} ms a track)"
        show = partial(report, as_json=given.json)
        show(name="hooks.hostile_track", value=took / usual, unit="ratio", against=against, ratio=took / usual)
        show(name="hooks.lost", value=lost, unit=f"of {(2 * counts[0] + 1) * counts[1]:,} events")
        show(name="hooks.inside_track", value=inside.longest, unit="ms")
        for one in (calm, hostile, inside):
            one.crm.close()


def _microseconds(call: Callable[[], object], calls: int) -> float:
    with stopwatch() as elapsed:
        for _ in range(calls):
            call()
        return elapsed() / calls * 1e6


def _nothing(_batch: Any) -> Any:
    """What is told costs nothing."""


def call_figures(given: Namespace) -> None:
    """Measure and print what a call costs."""
    entry = EventTracked(event_id=1, customer_id=1, name="page_viewed", at=0)
    batch = [Notice(position=1, hook=HOOK, entry=entry)]
    listeners, threads = {HOOK: [_nothing]}, Threads()
    ready = parts("default", batch, SETUP, _nothing)

    def bare() -> None:
        for listener in listeners[HOOK]:
            try:
                listener(ready[0].told)
            except ValueError:
                print("It is never raised.")

    def called() -> None:
        tell(listeners, ready, Came())

    def whole() -> None:
        threads.call(partial(tell, listeners, parts("default", batch, SETUP, _nothing), Came()), "one", 5.0)

    plain, ours, aside = rounds(
        max(given.rounds, 9),
        *(partial(_microseconds, call, calls) for call, calls in ((bare, 50_000), (called, 50_000), (whole, 2_000))),
    )
    against = f"a loop of try and except ({plain:.3f} us)"
    report(as_json=given.json, name="hooks.call", value=ours - plain, unit="us", against=against)
    report(as_json=given.json, name="hooks.batch", value=aside - ours, unit="us", against="a batch of one notice")


def main() -> None:
    parser = arguments(__doc__ or "")
    parser.add_argument("--tracks", type=int, default=300, help="tracks in a round (default 300)")
    parser.add_argument("--work", nargs=2, metavar=("DATABASE", "KIND"), help="be the process that works")
    given = parser.parse_args()
    if given.work:
        work(*given.work)
        return
    call_figures(given)
    hostile_figures(given)


if __name__ == "__main__":
    main()
