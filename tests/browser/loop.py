"""An asyncio loop in a thread of its own, for servers and clients beside tests that do not await."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any, Protocol, TypeVar

T = TypeVar("T")

#: How long anything in a browser may take, in seconds.
PATIENCE = 60.0


class Run(Protocol):
    """Wait for a coroutine on the loop, and return what it returns; raise TimeoutError after PATIENCE."""

    def __call__(self, work: Coroutine[Any, Any, T]) -> T: ...


@contextmanager
def loop_in_thread() -> Iterator[Run]:
    """Run a loop until the block is left."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    def run(work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(asyncio.wait_for(work, PATIENCE), loop).result()

    try:
        yield run
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@contextmanager
def entered(run: Run, context: AbstractAsyncContextManager[T]) -> Iterator[T]:
    """Enter an asynchronous context on the loop, for a block that does not await."""
    value = run(context.__aenter__())
    try:
        yield value
    finally:
        run(context.__aexit__(None, None, None))
