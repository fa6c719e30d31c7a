"""What goes into the audit log of what a person says by hand, and when it is sealed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from crmcore.model.identity import Identity
from crmcore.model.statement import Merge, Suppress, Unmerge
from crmcore.model.wire import Statement
from crmcore.store import audit, identities
from crmcore.store.scope import Read, Scope, Write

Noted = tuple[str, Sequence[Identity], Mapping[str, Any]]


def nothing(scope: Scope, statements: Sequence[Statement]) -> None:
    """Write nothing down: what comes in many at a time, or by a file, is known by its source."""


def note_said(scope: Scope, statements: Sequence[Statement]) -> None:
    """Write down what is said one by one and cannot be seen by looking: merges, unmerges, suppressions.

    A reason is not repeated here: of two who are merged one may be erased, and it is about both.
    """
    noted = list(_noted(statements))
    if not noted:
        return
    owners = identities.find(scope, {name for _, names, _ in noted for name in names})
    for action, names, detail in noted:
        subjects = {owners[one][0] for one in names if one in owners}
        for customer_id in sorted(subjects):
            audit.note(scope, action, audit.about_customer(customer_id), detail)


def _noted(statements: Sequence[Statement]) -> Iterator[Noted]:
    for one in statements:
        match one:
            case Merge(customer=customer, into=into, force=force):
                yield "customers merged", (*customer, *into), {"force": force}
            case Unmerge(customer=customer, into=into):
                yield "customers unmerged", (*customer, *into), {}
            case Suppress(customer=customer, channel=channel, reason=reason):
                yield "customer suppressed", customer, {"channel": channel, "reason": reason}


def seal(write: Write, reading: Read) -> None:
    """Seal the rows that wait for it."""
    with reading() as scope:
        waits = audit.any_unsealed(scope)
    if waits:
        while write(audit.seal) == audit.BATCH:
            """There may be more."""
