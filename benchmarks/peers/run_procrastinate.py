"""procrastinate, as its documentation says, in an environment of its own: defer jobs that do nothing, then work them off.

Prints the seconds the work took. Arguments: DSN of an empty database, how many jobs.
"""

from __future__ import annotations

import asyncio
import sys
import time

import procrastinate

CONCURRENCY = 8


async def main(dsn: str, count: int) -> float:
    app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=dsn))
    done = 0

    @app.task
    async def noop(number: int) -> None:  # noqa: ARG001 - a job of one argument
        nonlocal done
        done += 1

    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        await noop.batch_defer_async(*({"number": number} for number in range(count)))
        start = time.perf_counter()
        await app.run_worker_async(wait=False, concurrency=CONCURRENCY)
        took = time.perf_counter() - start
    if done != count:
        raise SystemExit(f"{done} of {count} were done")
    return took


print(asyncio.run(main(sys.argv[1], int(sys.argv[2]))))
