"""What a host's transactions have left is folded, before anybody reads and whenever there is time."""

from __future__ import annotations

from collections.abc import Sequence

from crmcore.flow.applying import Taken, apply
from crmcore.flow.attempting import attempt
from crmcore.flow.screening import warn
from crmcore.model.wire import Statement
from crmcore.store import pending, quarantine
from crmcore.store.quarantine import Refused
from crmcore.store.scope import Read, Scope, Write

BATCH = 1000


def fold(write: Write, reading: Read) -> Taken:
    """Fold all that waits, a batch a transaction; return how much it was."""
    taken = Taken()
    while _something_waits(reading):
        folded = write(_fold_batch)
        if folded is None:  # somebody else is at it
            return taken
        warn(folded.quarantined)
        taken += folded
    return taken


def fold_visible(scope: Scope) -> None:
    """Fold all that waits and that nobody else is folding, in a transaction that goes on."""
    while pending.any_left(scope) and (folded := _fold_batch(scope)) is not None:
        warn(folded.quarantined)


def _fold_batch(scope: Scope) -> Taken | None:
    waiting = pending.take(scope, BATCH)
    if not waiting:
        return None
    folded = _apply(scope, [one.statement for one in waiting])
    pending.settle(scope, waiting)
    return folded


def _something_waits(reading: Read) -> bool:
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
