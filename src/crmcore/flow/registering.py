"""Addresses come and go: customers register them and take them away, carriers say that they are no more."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from crmcore.flow.outcome import Outcome
from crmcore.hooks.notices import CustomerChange
from crmcore.hooks.provider import Gone
from crmcore.model.event import ADDRESS_REMOVED, Event
from crmcore.model.identity import Identity
from crmcore.model.presence import Presence
from crmcore.model.statement import Identify
from crmcore.model.values import to_json
from crmcore.store import addresses, consents, deliveries, events, notices
from crmcore.store.addresses import Removed, Said
from crmcore.store.identities import Owner
from crmcore.store.scope import Scope


def register(scope: Scope, batch: Sequence[Identify], owners: Sequence[Owner], removed: Collection[Identity]) -> None:
    """Bring back what customers name that was `removed`, and take away what they say is theirs no more.

    Of devices it is noted when they are named again: what a carrier knew before that counts no more.
    """
    noted = {kind for channel in scope.each_address for kind in scope.address_kinds[channel]}
    said = [
        (one, Said(address=address, presence=presence, customer_id=customer_id))
        for one, (customer_id, _) in zip(batch, owners, strict=True)
        for address, presence in _named(one)
        if not presence.is_there or address.kind in noted or address in removed
    ]
    if said:
        gone = addresses.say(scope, [what for _, what in said])
        _tell(scope, [(one, _event(ADDRESS_REMOVED, said[one.place][0].at, one, _only(scope, one))) for one in gone])


def forget(scope: Scope, outcomes: Sequence[Outcome]) -> None:
    """Remove the addresses of which carriers say that they are gone, unless they have come in since.

    A carrier that does not say since when may have answered before what came in after the message was handed to it.
    """
    told = [(one, one.result) for one in outcomes if isinstance(one.result, Gone)]
    handed = deliveries.handed_at(scope, [one.claimed.id for one, _ in told])
    said = [
        Said(address=one.claimed.address, presence=Presence(is_there=False, at=min(scope.now, result.at or at)))
        for one, result in told
        for at in (handed.get(one.claimed.id, scope.now),)
    ]
    gone = addresses.say(scope, said) if said else []
    _tell(
        scope,
        [(one, _event(told[one.place][1].event, scope.now, one, told[one.place][0].claimed.channel)) for one in gone],
    )


def _named(one: Identify) -> Iterator[tuple[Identity, Presence]]:
    for address in one.customer:
        yield address, Presence(is_there=True, at=one.at)
    for address in one.removed:
        yield address, Presence(is_there=False, at=one.at)


def _only(scope: Scope, one: Removed) -> str:
    """Return the channel that an address is of; empty where it is of none, or of several."""
    found = [channel for channel, kinds in scope.address_kinds.items() if one.address.kind in kinds]
    return found[0] if len(found) == 1 else ""


def _event(name: str, at: int, one: Removed, channel: str) -> Event:
    said = {"kind": one.address.kind} | ({"channel": channel} if channel else {})
    return Event(name=name, customer=(), at=at, properties=to_json(said, name))


def _tell(scope: Scope, gone: Sequence[tuple[Removed, Event]]) -> None:
    """Note it as an event of the customers, none of whose messages is being handed over meanwhile."""
    if gone:
        customers = sorted({one.owner[0] for one, _ in gone})
        consents.touch(scope, customers)
        told = [event for _, event in gone]
        events.append(scope, told, scope.new_ids(len(told)), [one.owner for one, _ in gone])
        notices.post(scope, [CustomerChange(customer_id=one, at=scope.now) for one in customers])
