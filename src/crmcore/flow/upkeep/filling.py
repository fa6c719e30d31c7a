"""What has not been looked at yet: customers of whom time alone has changed something, and all for a new definition."""

from __future__ import annotations

from crmcore.flow.upkeep.settling import Upkeep
from crmcore.store import standings
from crmcore.store.scope import Read, Scope, Write

BATCH = 1000


def catch_up(write: Write, reading: Read, upkeep: Upkeep) -> None:
    """Look at all that is due, a batch a transaction; interrupted, it goes on where it was."""
    with reading() as scope:
        must_ask = upkeep.must_ask(scope)
    if must_ask:
        write(lambda scope: upkeep.ask_anew(scope) if upkeep.must_ask(scope) else None)
    with reading() as scope:
        filling = standings.filling(scope)
        is_due = filling is not None and bool(standings.due(scope, 1))
    while is_due:
        is_due = write(lambda scope: _look_at_due(scope, upkeep))
    is_filled = filling is None or filling.filled == filling.generation
    while not is_filled:
        is_filled = write(lambda scope: _fill(scope, upkeep))


def _look_at_due(scope: Scope, upkeep: Upkeep) -> bool:
    """Return whether more may be due: nobody else is waited for."""
    customers = standings.due_and_free(scope, BATCH)
    upkeep.look(scope, {one: set() for one in customers})
    return len(customers) == BATCH


def _fill(scope: Scope, upkeep: Upkeep) -> bool:
    """Look at the next customers by id, and note how far that is; return whether that were all."""
    filling = standings.filling(scope)
    if filling is None or filling.filled == filling.generation or not upkeep.is_able(scope):
        return True
    customers = standings.to_fill(scope, filling.reached, BATCH)
    if customers:
        upkeep.look(scope, {one: set() for one in customers})
        standings.reached(scope, filling.generation, customers[-1])
    else:
        standings.filled(scope, filling.generation)
    return not customers
