"""Writing inside a host's transaction: it commits or rolls back with the host's own rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs

from crmcore.flow import applying
from crmcore.model.statement import Consent, Revisit, Subscribe, Suppress
from crmcore.model.time import Clock
from crmcore.model.wire import Statement
from crmcore.store import consents, identities, pending, standings
from crmcore.store.resolving import anchor
from crmcore.store.scope import Scope
from crmcore.verbs import Verbs


class Writer(Verbs):
    """The verbs, on a host's connection. Statements are appended there and folded after the host's commit.

    Consents, wishes and suppressions of customers already known are written at once: what a host has committed holds
    from that moment on.
    """

    def __init__(
        self,
        clock: Clock,
        checked: Callable[[Sequence[Statement]], Sequence[Statement]],
        open_scope: Callable[[int], Scope],
    ) -> None:
        self._clock = clock
        self._checked = checked
        self._scope = open_scope

    def now(self) -> int:
        """Return the time in microseconds UTC."""
        return self._clock.now()

    def _say(self, statements: Sequence[Statement]) -> None:
        given = self._checked(statements)
        scope = self._scope(self.now())
        for statement in given:
            known = _known(scope, statement) if isinstance(statement, Consent | Subscribe | Suppress) else None
            if known is None:
                pending.append(scope, [statement])
            else:
                applying.apply(scope, [known])
                _leave_segments(scope, known)


def _leave_segments(scope: Scope, known: Consent | Subscribe | Suppress) -> None:
    """What follows for segments waits for the commit: nobody's standing is held until then."""
    if standings.filling(scope) is not None:
        pending.append(scope, [Revisit(customer=known.customer, at=known.at)])


def _known(scope: Scope, statement: Consent | Subscribe | Suppress) -> Consent | Subscribe | Suppress | None:
    """Return the statement under one identity where all that it names is one customer: nothing is linked by it then.

    One whom somebody is joining or parting is waited for by nobody: what is said of it is folded later.
    """
    if not identities.hold_free(scope, statement.customer):
        return None
    consents.lock(scope, statement.customer)
    # Whoever makes a topic keeps all others waiting who make it as well.
    if isinstance(statement, Subscribe) and not consents.has_topic(scope, statement.topic):
        return None
    owners = identities.find(scope, statement.customer)
    if len(owners) != len(statement.customer) or len({customer for customer, _ in owners.values()}) != 1:
        return None
    return attrs.evolve(statement, customer=(anchor(statement.customer),))
