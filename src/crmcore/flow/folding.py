"""What a host's transactions have left is folded, before anybody reads and whenever there is time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from crmcore.flow.applying import Taken, apply
from crmcore.flow.attempting import attempt
from crmcore.flow.screening import warn
from crmcore.model.wire import Statement
from crmcore.store import pending, quarantine
from crmcore.store.quarantine import Refused
from crmcore.store.scope import Scope

BATCH = 1000
Open = Callable[[], AbstractContextManager[Scope]]


def fold(writing: Open, reading: Open) -> Taken:
    """Fold all that waits, a batch a transaction; return how much it was."""
    taken = Taken()
    while _something_waits(reading):
        with writing() as scope:
            waiting = pending.take(scope, BATCH)
            folded = _apply(scope, [one.statement for one in waiting])
            pending.settle(scope, waiting)
        warn(folded.quarantined)
        taken += folded
    return taken


def _something_waits(reading: Open) -> bool:
    with reading() as scope:
        return pending.any_left(scope)


def _apply(scope: Scope, statements: Sequence[Statement]) -> Taken:
    """Those that cannot be applied are kept with the reason."""
    attempted = attempt(scope, statements, apply)
    failed = [Refused(statement=statements[place], reason=why) for place, why in attempted.failed.items()]
    if not failed:
        return attempted.taken
    kept = quarantine.keep(scope, failed)
    return attempted.taken + Taken(quarantined=kept, repeated=len(failed) - kept)
