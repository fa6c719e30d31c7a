"""Many processes at one database, let go at once; each says what became of what it did, or what went wrong."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from typing import Any

import attrs

from crmcore import CRM
from crmcore.loader import installed
from crmcore.testing.clock import TurnedClock
from crmcore.testing.fakes import Recorder

PROCESSES = 8
#: Seconds a process may take.
PATIENCE = 90.0
#: They are forked off a process without threads that has imported all this already.
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["__main__", "tests.flow.journeys.crowding", "crmcore.campaigning", "crmcore.loader"])
Act = Callable[[CRM, int, Any], Any]


@attrs.frozen(kw_only=True)
class Crowd:
    """What each process did: what its act returned, the messages it sent, and what went wrong ("" where nothing did)."""

    returned: tuple[Any, ...]
    sent: tuple[str, ...]
    wrong: tuple[str, ...]


def crowd(url: str, at: int, act: Act, given: Any = None, count: int = PROCESSES) -> Crowd:
    """Let so many processes act on a database at once, at a time (microseconds UTC)."""
    ready = _FORKS.Barrier(count, timeout=PATIENCE)
    lines = [_FORKS.Pipe(duplex=False) for _ in range(count)]
    processes = [
        _FORKS.Process(target=_one, args=(url, at, act, given, number, ready, line[1]), daemon=True)
        for number, line in enumerate(lines)
    ]
    for one in processes:
        one.start()
    said = [_said(line) for line, _ in lines]
    for one in processes:
        one.join(PATIENCE)
        one.kill()
    returned, sent, wrong = zip(*said, strict=True)
    return Crowd(
        returned=returned, sent=tuple(text for some in sent for text in some), wrong=tuple(filter(None, wrong))
    )


def _said(line: Connection) -> tuple[Any, list[str], str]:
    assert line.poll(PATIENCE), "a process does not end"
    said: tuple[Any, list[str], str] = line.recv()
    return said


def _one(url: str, at: int, act: Act, given: Any, number: int, ready: Barrier, line: Connection) -> None:
    recorder = Recorder()
    try:
        with CRM(url, clock=TurnedClock(at), plugins={"recorder": recorder}, blocked=installed()) as crm:
            ready.wait()
            returned = act(crm, number, given)
        line.send((returned, [one.body.decode() for one in recorder.sent], ""))
    except Exception as error:  # noqa: BLE001 - it is told to whoever waits
        line.send((None, [], repr(error)))
