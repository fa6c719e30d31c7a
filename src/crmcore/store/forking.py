"""What a forked process must not share with its parent: open connections of ours, and leases.

A SQLite connection carried over a fork breaks its locks, so the parent closes those that are idle before. A host's own
engine is the host's to dispose of.
"""

from __future__ import annotations

import os
from typing import Protocol
from weakref import WeakSet

from sqlalchemy import Engine


class Holder(Protocol):
    """Somebody who holds what is the parent's."""

    def forget(self) -> None:
        """Hold nothing."""


_engines: WeakSet[Engine] = WeakSet()
_holders: WeakSet[Holder] = WeakSet()


def close_before(engine: Engine) -> None:
    """Let an engine of our own have no idle connection whenever this process forks."""
    _engines.add(engine)


def forget_in_child(holder: Holder) -> None:
    """Let a holder forget what it holds in every process forked from this one."""
    _holders.add(holder)


def _before() -> None:
    for engine in list(_engines):
        engine.dispose()


def _in_child() -> None:
    for engine in list(_engines):
        # Its pool may have been locked, or lent to threads that exist in the parent alone.
        engine.dispose(close=False)
    for holder in list(_holders):
        holder.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_child=_in_child)
