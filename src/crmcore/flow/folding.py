"""What a host's transactions have left is folded, before anybody reads and whenever there is time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from crmcore.errors import CRMError
from crmcore.flow.applying import Taken, apply
from crmcore.store import pending, quarantine
from crmcore.store.pending import Waiting
from crmcore.store.scope import Scope

BATCH = 1000
Open = Callable[[], AbstractContextManager[Scope]]


def fold(writing: Open, reading: Open) -> Taken:
    """Fold all that waits, a batch a transaction; return how much it was."""
    taken = Taken()
    while _something_waits(reading):
        with writing() as scope:
            waiting = pending.take(scope, BATCH)
            taken += _apply_all(scope, waiting)
            pending.settle(scope, waiting)
    return taken


def _something_waits(reading: Open) -> bool:
    with reading() as scope:
        return pending.any_left(scope)


def _apply_all(scope: Scope, waiting: Sequence[Waiting]) -> Taken:
    try:
        with scope.connection.begin_nested():
            return apply(scope, [one.statement for one in waiting])
    except CRMError:
        return _apply_each(scope, waiting)


def _apply_each(scope: Scope, waiting: Sequence[Waiting]) -> Taken:
    """One of the batch does not fit: take the others, and keep that one with the reason."""
    taken = Taken()
    for one in waiting:
        try:
            with scope.connection.begin_nested():
                taken += apply(scope, [one.statement])
        except CRMError as error:
            quarantine.refuse(scope, one.statement, str(error))
    return taken
