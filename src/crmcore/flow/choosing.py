"""What customers have said to a carrier rather than to us: messages they want no more at an address, or want again.

Where one person has addresses of several kinds on a channel (a number and an id of WhatsApp's) all of them are meant.
The last choice by its time counts, whenever it is told; suppressions of other origin are left as they are.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from crmcore.hooks.provider import Choice
from crmcore.model.cleaning import time_of
from crmcore.model.identity import Identity
from crmcore.model.statement import Suppress
from crmcore.store import contexts, suppressions
from crmcore.store.resolving import Naming, resolve
from crmcore.store.scope import Scope


def take(scope: Scope, channel: str, provider: str, choices: Sequence[Choice]) -> None:
    """Suppress marketing at addresses on a channel, or lift what an earlier choice has suppressed."""
    made = [one for one in choices if one.addresses]
    if not made:
        return
    namings = [Naming(names=one.addresses, at=time_of(one.at, scope.now)) for one in made]
    owners = resolve(scope, namings).owners
    kinds = suppressions.kinds_of_one(scope, channel)
    known = contexts.names(scope, sorted({owner[0] for owner in owners}), kinds) if kinds else {}
    said = [
        (statement, owner)
        for one, owner in zip(made, owners, strict=True)
        for statement in _statements(one, known.get(owner[0], set()), channel, f"{channel}/{provider}", scope.now)
    ]
    suppressions.choose(scope, [statement for statement, _ in said], [owner for _, owner in said])


def _statements(one: Choice, known: Collection[Identity], channel: str, source: str, now: int) -> Iterable[Suppress]:
    """One that is wanted is a suppression that ends as it begins, and ends those before it."""
    at = time_of(one.at, now)
    for address in sorted({*one.addresses, *known}):
        until = at if one.wanted else None
        yield Suppress(
            customer=(),
            at=at,
            address=suppressions.marketing_at(address),
            channel=channel,
            reason="opted_out",
            until=until,
            source=source,
        )
