"""A process that works: `python working.py` works when it is told to, and tells what that took.

It reads settings from its input (one line of JSON), says `ready`, waits for one more line, works to the end and prints a
line of JSON. Settings are keywords of CRM; with `"noop": true` the channel `note` is there, whose carrier takes every
message and does nothing. `rss` is the resident memory in bytes, after so many deliveries.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs

from crmcore import CRM
from crmcore.hooks.provider import Accepted, Carriage, Outgoing, Result
from crmcore.loader import installed
from crmcore.testing.fakes import Recorder

PLUGINS = installed()


class Noop(Recorder):
    """The channel `note`, and a carrier that takes every message and keeps none."""

    def __init__(self, batch: int) -> None:
        super().__init__()
        self.carriage = Carriage(batch=batch)

    def send(self, batch: Sequence[Outgoing]) -> Iterator[Result]:
        """Take every message."""
        return (Accepted(delivery_id=message.delivery_id) for message in batch)


@attrs.frozen(kw_only=True)
class Worked:
    """What a process did: how many deliveries, in how many seconds of wall and of CPU, and its memory on the way."""

    deliveries: int
    seconds: float
    cpu: float
    rss: list[tuple[int, int]]


def opened(settings: Mapping[str, Any]) -> CRM:
    """Open a CRM as the settings say."""
    given = dict(settings)
    if not given.pop("noop", False):
        return CRM(given.pop("database"), **given)
    carrier = Noop(given["sending"]["window"])
    return CRM(given.pop("database"), plugins={"noop": carrier}, blocked=PLUGINS, **given)


@contextmanager
def processes(count: int, settings: Mapping[str, Any]) -> Iterator[list[subprocess.Popen[str]]]:
    """Start processes that are ready to work."""
    command = [sys.executable, __file__]
    started = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(count)
    ]
    try:
        for one in started:
            _say(one, json.dumps(settings))
        for one in started:
            _hear(one)
        yield started
    finally:
        for one in started:
            one.terminate()
            one.communicate()


def work(started: Sequence[subprocess.Popen[str]]) -> tuple[float, list[Worked]]:
    """Let all of them work at once; return the seconds until the last has done, and what each did."""
    start = time.perf_counter()
    for one in started:
        _say(one, "go")
    said = [_hear(one) for one in started]
    took = time.perf_counter() - start
    return took, [Worked(**json.loads(one)) for one in said]


def _say(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdin is not None
    process.stdin.write(f"{line}\n")
    process.stdin.flush()


def _hear(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise SystemExit("a process that should work has failed")
    return line


def resident() -> int:
    """Return the resident memory of this process in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def main() -> None:
    with opened(json.loads(sys.stdin.readline())) as crm:
        print("ready", flush=True)
        sys.stdin.readline()
        rss: list[tuple[int, int]] = []
        start, cpu = time.perf_counter(), time.process_time()
        worked = crm.work(progress=lambda done, _: rss.append((done, resident())))
        seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    print(json.dumps({"deliveries": worked.deliveries, "seconds": seconds, "cpu": cpu, "rss": rss}), flush=True)


if __name__ == "__main__":
    main()
