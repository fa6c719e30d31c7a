"""One asyncio loop in one thread, for as long as it is held open."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine
from functools import partial
from threading import Thread
from typing import Any, TypeVar

Result = TypeVar("Result")


class LoopThread:
    """The loop; `close` ends it and its thread. It is one process's: a fork has neither."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._process = os.getpid()
        self._thread = Thread(target=self._run, name="crmcore-http", daemon=True)
        self._thread.start()

    @property
    def is_ours(self) -> bool:
        """Tell whether the thread is of this process, and not of the one it was forked from."""
        return self._process == os.getpid()

    def call(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        """Run something in the loop, and wait for what it returns."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result()

    def begin(self, coroutine: Coroutine[Any, Any, None], ended: Callable[[], None]) -> Callable[[], object]:
        """Begin something in the loop, and return how to call it off; `ended` is called in the loop, whatever came of it."""
        begun: list[asyncio.Task[None]] = []

        def over(task: asyncio.Task[None]) -> None:
            # An error that nobody looks at would be shown with all it holds.
            task.cancelled() or task.exception()
            ended()

        def begin() -> None:
            begun.append(self.loop.create_task(coroutine))
            begun[0].add_done_callback(over)

        def call_off() -> None:
            begun[0].cancel()

        self.loop.call_soon_threadsafe(begin)
        return partial(self.loop.call_soon_threadsafe, call_off)

    def close(self) -> None:
        """End the loop and the thread."""
        if self.is_ours and self._thread.is_alive():
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_forever()
        finally:
            self._clear()
            self.loop.close()

    def _clear(self) -> None:
        left = asyncio.all_tasks(self.loop)
        for task in left:
            task.cancel()
        self.loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
