"""A program that is killed by a suite: it loads the suite from its file, sends, and writes a line for every result.

`python -m crmcore.testing.killed`, with a Task on its standard input.
"""

from __future__ import annotations

import importlib.util
import os
import pickle
import sys
from typing import Any

import attrs

from crmcore.testing.carrying import Carrying, shares

TIME_LIMIT = 20.0


@attrs.frozen(kw_only=True)
class Task:
    """Which suite it is, where its counterpart is, how many messages to send."""

    file: str
    suite: str
    place: Any = attrs.field(repr=False)
    handed: int


def send(task: Task) -> None:
    """Send all there is, and write a line for every result at the moment it is known."""
    suite = _loaded(task)
    provider = suite.provider(task.place, timeout=TIME_LIMIT)
    with suite.opened(provider, task.place, timeout=TIME_LIMIT) as session:
        for batch in shares(suite.batch(task.handed), provider.carriage.batch):
            for result in session.send(batch):
                os.write(1, f"{result.delivery_id} {type(result).__name__}\n".encode())


def _loaded(task: Task) -> Carrying:
    spec = importlib.util.spec_from_file_location("killed_suite", task.file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    found: Any = module
    for name in task.suite.split("."):
        found = getattr(found, name)
    suite = found()
    assert isinstance(suite, Carrying)
    return suite


if __name__ == "__main__":
    send(pickle.load(sys.stdin.buffer))  # noqa: S301 - written by the check that has started us
