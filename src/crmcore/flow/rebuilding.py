"""What is kept beside the log is made again from it: sums of events, and what segments stand on."""

from __future__ import annotations

from crmcore.flow.progress import Progress
from crmcore.store import atoms, identities, leads, memberships, standings, sums
from crmcore.store.scope import Read, Scope, Write

BATCH = 1000


def rebuild(write: Write, reading: Read, progress: Progress) -> None:
    """Make it again, a batch of customers a transaction; interrupted, it is begun again."""
    with reading() as scope:
        total = leads.count(scope)
    write(_begin)
    done = reached = 0
    while customers := write(lambda scope, after=reached: _settle(scope, after)):  # type: ignore[misc]  # bound at once
        done, reached = done + len(customers), customers[-1]
        progress(min(done, total), total)


def _begin(scope: Scope) -> None:
    """Everybody is to be looked at again."""
    sums.clear(scope)
    memberships.clear(scope)
    standings.clear(scope)
    atoms.forgive(scope)
    if standings.filling(scope) is not None:
        atoms.next_generation(scope)


def _settle(scope: Scope, after: int) -> list[int]:
    customers = standings.to_fill(scope, after, BATCH)
    identities.claim(scope, customers)
    scope.touched.note_all(customers)
    sums.make(scope, customers)
    return customers
