"""Calls that block, run in worker threads for callers that await them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from itertools import islice
from typing import ParamSpec, TypeVar

Given = ParamSpec("Given")
Result = TypeVar("Result")

#: Fewer than the connections of SQLAlchemy's pool: a call waits for a thread, never for a connection until it times out.
THREADS = 8
BATCH = 1000


class Threads:
    """Worker threads; the first call starts them, and after a fork the first call starts new ones."""

    def __init__(self) -> None:
        self._pools: dict[int, ThreadPoolExecutor] = {}

    async def run(self, call: Callable[Given, Result], /, *arguments: Given.args, **named: Given.kwargs) -> Result:
        """Return what a call returns, made in a worker thread with the context variables of here.

        Where the caller is cancelled, a call that has begun goes on to its end; one that has not is never made.
        """
        ready = partial(copy_context().run, call, *arguments, **named)
        return await asyncio.get_running_loop().run_in_executor(self._pool(), ready)

    async def drawn(
        self, call: Callable[Given, Iterator[Result]], /, *arguments: Given.args, **named: Given.kwargs
    ) -> AsyncIterator[Result]:
        """Draw from the iterator that a call returns, a thousand at a time."""
        left = await self.run(call, *arguments, **named)
        while batch := await self.run(list, islice(left, BATCH)):
            for one in batch:
                yield one

    def close(self) -> None:
        """Wait for what still runs, that of cancelled callers too, and end the threads."""
        pool = self._pools.pop(os.getpid(), None)
        if pool is not None:
            pool.shutdown()

    def _pool(self) -> ThreadPoolExecutor:
        found = self._pools.get(os.getpid())
        return found or self._pools.setdefault(os.getpid(), ThreadPoolExecutor(THREADS, "crmcore"))
