"""Writing inside a host's transaction: it commits or rolls back with the host's own rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from crmcore.flow import applying
from crmcore.model.statement import Consent, Subscribe, Suppress
from crmcore.model.time import Clock
from crmcore.model.wire import Statement
from crmcore.store import identities, pending
from crmcore.store.scope import Scope
from crmcore.verbs import Verbs


class Writer(Verbs):
    """The verbs, on a host's connection. Statements are appended there and folded after the host's commit.

    Consents, wishes and suppressions of customers already known are written at once: what a host has committed holds
    from that moment on.
    """

    def __init__(self, clock: Clock, open_scope: Callable[[int], Scope]) -> None:
        self._clock = clock
        self._scope = open_scope

    def now(self) -> int:
        """Return the time in microseconds UTC."""
        return self._clock.now()

    def _say(self, statements: Sequence[Statement]) -> None:
        scope = self._scope(self.now())
        for statement in statements:
            if isinstance(statement, Consent | Subscribe | Suppress) and _is_known(scope, statement):
                applying.apply(scope, [statement])
            else:
                pending.append(scope, [statement])


def _is_known(scope: Scope, statement: Consent | Subscribe | Suppress) -> bool:
    owners = identities.find(scope, statement.customer)
    return len(owners) == len(statement.customer) and len({customer for customer, _ in owners.values()}) == 1
