"""The built-in gates, read inside the transaction that hands over: consent, wish, suppression, removed address."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import TypeVar

import attrs
from sqlalchemy import select

from crmcore.model.delivery import Reason
from crmcore.model.identity import Identity
from crmcore.model.purpose import NO_CONSENT_NEEDED, MessageClass
from crmcore.model.statement import ANY_CHANNEL
from crmcore.store import bulk, consents, contexts, schema, suppressions
from crmcore.store.claims import Claimed
from crmcore.store.enrolments import EXITED
from crmcore.store.scope import Scope

Key = TypeVar("Key", bound=Hashable)


@attrs.frozen(kw_only=True)
class Terms:
    """What customers have to have said before they get the messages of one campaign on a channel."""

    channel: str
    consent_needed: bool
    topic: str | None
    is_confirmation_needed: bool = False


def reasons(scope: Scope, claimed: Sequence[Claimed], terms: Terms) -> dict[int, Reason]:
    """Return why deliveries may not go, by id; those that may are not in it."""
    suppressed = _suppressed(scope, claimed, terms.channel)
    said = _consents(scope, claimed, terms) if terms.consent_needed else {}
    wanted = _wishes(scope, claimed, terms) if terms.topic is not None else {}
    found = {one.id: _reason(one, terms, suppressed, said, wanted) for one in claimed}
    return {one: reason for one, reason in found.items() if reason is not None}


def exited(scope: Scope, claimed: Sequence[Claimed]) -> set[int]:
    """Return the deliveries of enrolments that an exit has ended, by id."""
    wanted = sorted({one.enrolment_id for one in claimed})
    states = bulk.select_in(scope, schema.enrolment, ("id", "state"), {}, "id", wanted)
    ended = {one for one, state in states if state == EXITED}
    return {one.id for one in claimed if one.enrolment_id in ended}


def _reason(
    one: Claimed,
    terms: Terms,
    suppressed: set[int],
    said: Mapping[tuple[int, str], bool],
    wanted: Mapping[int, bool],
) -> Reason | None:
    if one.removed:
        return Reason.NO_ADDRESS
    if one.id in suppressed:
        return Reason.SUPPRESSED
    if terms.consent_needed and one.purpose not in NO_CONSENT_NEEDED:
        granted = said.get((one.customer_id, one.purpose.value))
        if not granted:
            return Reason.NO_CONSENT if granted is None else Reason.UNSUBSCRIBED
    if terms.topic is not None and not wanted.get(one.customer_id, False):
        return Reason.UNSUBSCRIBED
    return None


def _suppressed(scope: Scope, claimed: Sequence[Claimed], channel: str) -> set[int]:
    """A suppression of the address, of marketing there, or of the whole customer, on this channel or on every one."""
    by_hash: dict[bytes, set[int]] = {}
    for one in claimed:
        for target in (one.address, suppressions.whole_customer(one.customer_id)):
            by_hash.setdefault(scope.hash(target), set()).add(one.id)
    for one, address in _marketed(scope, claimed, channel):
        by_hash.setdefault(scope.hash(suppressions.marketing_at(address)), set()).add(one.id)
    found = suppressions.in_force(scope, sorted(by_hash))
    return {one for digest, where, _, _ in found if where in (channel, ANY_CHANNEL) for one in by_hash[digest]}


def _marketed(scope: Scope, claimed: Sequence[Claimed], channel: str) -> Iterator[tuple[Claimed, Identity]]:
    """Yield the addresses at which marketing may have been stopped: another of the same person's on a channel counts."""
    marketing = [one for one in claimed if one.message_class is MessageClass.MARKETING]
    kinds = suppressions.kinds_of_one(scope, channel)
    customers = sorted({one.customer_id for one in marketing})
    known = contexts.names(scope, customers, kinds) if kinds and customers else {}
    for one in marketing:
        yield from ((one, address) for address in {one.address, *known.get(one.customer_id, set())})


def _consents(scope: Scope, claimed: Sequence[Claimed], terms: Terms) -> dict[tuple[int, str], bool]:
    if terms.is_confirmation_needed:
        confirmed = consents.confirmed(scope, {one.customer_id for one in claimed})
        return _latest(
            [
                ((customer_id, purpose), one.yes, one.at)
                for (customer_id, purpose, channel), one in confirmed.items()
                if channel in (terms.channel, ANY_CHANNEL)
            ]
        )
    columns = ("customer_id", "purpose", "channel", "granted", "at")
    customers = sorted({one.customer_id for one in claimed})
    rows = bulk.select_in(scope, schema.consent_state, columns, {}, "customer_id", customers)
    return _latest(
        [
            ((customer_id, purpose), granted, at)
            for customer_id, purpose, channel, granted, at in rows
            if channel in (terms.channel, ANY_CHANNEL)
        ]
    )


def _wishes(scope: Scope, claimed: Sequence[Claimed], terms: Terms) -> dict[int, bool]:
    wish, topic = schema.subscription.c, schema.topic.c
    rows = scope.connection.execute(
        select(wish.customer_id, wish.wanted, wish.at)
        .join_from(schema.subscription, schema.topic, topic.id == wish.topic_id)
        .where(
            wish.workspace_id == scope.workspace_id,
            topic.workspace_id == scope.workspace_id,
            topic.name == terms.topic,
            bulk.among(scope, wish.customer_id, sorted({one.customer_id for one in claimed})),
            wish.channel.in_((terms.channel, ANY_CHANNEL)),
        )
    )
    return _latest([(customer_id, wanted, at) for customer_id, wanted, at in rows])


def _latest(said: Sequence[tuple[Key, bool, int]]) -> dict[Key, bool]:
    """The latest statement holds; of two of the same time the no."""
    return {key: yes for key, yes, _ in sorted(said, key=lambda one: (one[2], not one[1]))}
