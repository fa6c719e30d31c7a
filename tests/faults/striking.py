"""A worker is started, let go, and struck by one mishap; what that did to it is noted."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import attrs

from crmcore.model.time import SECOND
from tests.faults import databases
from tests.faults.books import Books
from tests.faults.mishaps import (
    AtStep,
    Broken,
    Full,
    Jumped,
    Killed,
    KilledAt,
    KilledAtStart,
    Limited,
    Mishap,
    Stalled,
    Unconnected,
    is_refusal,
)
from tests.faults.process import PATIENCE, PAUSE, Worker, started
from tests.faults.sinks import Sinks
from tests.faults.trap import Armed
from tests.faults.worker import Job
from tests.faults.world import LEASE, ShiftedClock, World

#: Seconds a worker takes to start, and to work; random moments are drawn from them.
STARTING, WORKING = 0.2, 0.2
#: Seconds after which a worker whom nothing comes of is given up.
STANDSTILL = 2.0
#: Seconds a worker stands still, at most.
OVERTAKEN = 30.0
#: One worker in so many has another beside it.
BESIDE = 5


@attrs.frozen(kw_only=True)
class Strike:
    """One mishap: whether it hit, how the worker ended, and the rows it left under a lease."""

    mishap: Mishap
    hit: bool
    exit_code: int | None
    complaint: str
    claimed: int
    handed: int

    @property
    def counts(self) -> bool:
        """Tell whether it is a kill or a cut: a refusal leaves nothing in the air."""
        return self.hit and not is_refusal(self.mishap)


class Striker:
    """Strikes workers of one world, at the time its clock shows; each ends by itself after `limit` deliveries."""

    def __init__(
        self, world: World, ends: Sinks, books: Books, clock: ShiftedClock, chance: random.Random, limit: int
    ) -> None:
        self._world, self._ends, self._books = world, ends, books
        self._clock, self._chance, self._limit = clock, chance, limit
        self._overtaking: threading.Thread | None = None
        self._is_server = databases.is_server(world.database)

    def work(self, *, patience: float = PATIENCE, **more: Any) -> None:
        """Let one worker do what is due, undisturbed."""
        with self._working(**more) as worker:
            worker.exit_code(self._books.look, patience)

    def work_off(self) -> None:
        """Let one worker go on, undisturbed, for as long as something comes of it."""
        with self._working(limit=None, forever=True) as worker:
            left, end = self._books.waiting(), time.monotonic() + STANDSTILL
            while left and worker.runs(PAUSE) and time.monotonic() < end:
                if (now_left := self._books.waiting()) < left:
                    left, end = now_left, time.monotonic() + STANDSTILL
            worker.finish()
            worker.exit_code(self._books.look)

    def strike(self, mishap: Mishap) -> Strike:
        """Start a worker, strike it, and wait until it has ended."""
        with self._beside(mishap), self._hobbling(mishap), started(self._job(**self._hobbled(mishap))) as worker:
            is_hit = self._befall(mishap, worker)
            code = worker.exit_code(self._books.look)
            if isinstance(mishap, AtStep):
                is_hit = not self._ends.traps[mishap.sink].disarm()
            if isinstance(mishap, KilledAtStart | Killed | KilledAt):
                is_hit = code == -signal.SIGKILL
            if self._overtaking is not None:
                self._overtaking.join()
            left = self._books.look()
            return Strike(
                mishap=mishap,
                hit=is_hit or (isinstance(mishap, Full | Limited) and code != 0),
                exit_code=code,
                complaint="" if worker.is_killed else worker.complaint(),
                claimed=left["claimed"],
                handed=left["handed"],
            )

    def _job(self, **more: Any) -> Job:
        return Job(world=self._world, **({"offset": self._clock.offset, "limit": self._limit} | more))

    @contextmanager
    def _working(self, **more: Any) -> Iterator[Worker]:
        with started(self._job(**more)) as worker:
            worker.ready()
            worker.go()
            yield worker

    @contextmanager
    def _beside(self, mishap: Mishap) -> Iterator[None]:
        """Now and then another worker is at work at the same time, and nothing befalls it.

        It would stand still, too, beside one that stands still with the lock of an embedded database.
        """
        if isinstance(mishap, Stalled) or self._chance.randrange(BESIDE):
            yield
            return
        with self._working() as other:
            yield
            other.exit_code(self._books.look)

    def _hobbled(self, mishap: Mishap) -> dict[str, Any]:
        """Return what a worker is started with, so that the mishap can befall it."""
        match mishap:
            case Full(pages=pages) if not self._is_server:
                return {"pages": pages}
            case Limited(room=room):
                return {"room": room}
            case Jumped(jump=jump):
                return {"jump": jump}
        return {}

    @contextmanager
    def _hobbling(self, mishap: Mishap) -> Iterator[None]:
        with ExitStack() as stack:
            if isinstance(mishap, Full) and self._is_server:
                stack.enter_context(databases.full_after(self._world.database, mishap.pages))
            yield

    def _befall(self, mishap: Mishap, worker: Worker) -> bool:
        """Let it befall the worker; tell whether it has, where that is known at once."""
        if isinstance(mishap, KilledAtStart):
            return worker.kill_after(mishap.share * STARTING)
        worker.ready()
        if isinstance(mishap, AtStep):
            armed = Armed(stage=mishap.stage, step=mishap.step, act=partial(self._spring, mishap, worker))
            self._ends.traps[mishap.sink].arm(armed)
        worker.go()
        if isinstance(mishap, Killed):
            return worker.kill_after(mishap.share * WORKING)
        return isinstance(mishap, Jumped)

    def _spring(self, mishap: AtStep, worker: Worker) -> Any:
        """Do what befalls a worker at a step; return what the sink does then."""
        match mishap:
            case Broken(how=how):
                return how
            case KilledAt():
                worker.kill()
            case Stalled():
                worker.pause()
                self._overtaking = threading.Thread(target=self._overtake, args=(worker,))
                self._overtaking.start()
            case Unconnected():
                databases.unconnect(self._world.database)
        return None

    def _overtake(self, worker: Worker) -> None:
        """While one worker stands still, another finds its lease ended and does its work."""
        try:
            self.work(offset=self._clock.offset + LEASE + SECOND, patience=OVERTAKEN)
        finally:
            worker.resume()
