"""Results on their way from the loop to the thread that waits for them, in handfuls: waking a thread is dear."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from queue import SimpleQueue

from crmcore.hooks.provider import Result

#: How many go at once, and how many seconds the first of them waits for the others.
HANDFUL, PAUSE = 512, 0.1


class Chute:
    """Filled in the loop, read by one thread until it ends."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._queue: SimpleQueue[list[Result] | None] = SimpleQueue()
        self._some: list[Result] = []
        self._timer: asyncio.TimerHandle | None = None
        self._is_over = False

    def put(self, results: list[Result]) -> None:
        """Let results go, soon."""
        self._some += results
        if len(self._some) >= HANDFUL:
            self._go()
        elif self._timer is None:
            self._timer = self._loop.call_later(PAUSE, self._go)

    def end(self) -> None:
        """Let all go there is, and the end after it."""
        self._go()
        self._queue.put(None)

    def __iter__(self) -> Iterator[Result]:
        while not self._is_over:
            some = self._queue.get()
            if some is None:
                self._is_over = True
            else:
                yield from some

    def _go(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._some:
            some, self._some = self._some, []
            self._queue.put(some)
