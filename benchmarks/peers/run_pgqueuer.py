"""pgqueuer, as its documentation says, in an environment of its own: enqueue jobs that do nothing, then drain the queue.

Prints the seconds the draining took. Arguments: DSN of an empty database, how many jobs.
"""

from __future__ import annotations

import sys
import time

import asyncpg
import uvloop
from pgqueuer import AsyncpgDriver, Job, Queries, QueueManager
from pgqueuer.types import QueueExecutionMode

BATCH = 100


async def main(dsn: str, count: int) -> float:
    driver = AsyncpgDriver(await asyncpg.connect(dsn))
    queries = Queries(driver)
    manager = QueueManager(queries)
    await queries.install()
    await queries.enqueue(["noop"] * count, [None] * count, [0] * count)
    done = 0

    @manager.entrypoint("noop")
    async def noop(_: Job) -> None:
        nonlocal done
        done += 1

    start = time.perf_counter()
    await manager.run(batch_size=BATCH, mode=QueueExecutionMode.drain)
    took = time.perf_counter() - start
    if done != count:
        raise SystemExit(f"{done} of {count} were done")
    return took


print(uvloop.run(main(sys.argv[1], int(sys.argv[2]))))
