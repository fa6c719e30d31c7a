"""What providers say of their own accord: webhooks, read and taken into the river.

All that a webhook holds is written in one transaction, and only then is it answered: whatever is not written comes again.
Told again, nothing changes.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from functools import partial

import attrs
from sqlalchemy.exc import InterfaceError, OperationalError

from crmcore.errors import InputError
from crmcore.flow import applying, approving, choosing, feedback
from crmcore.flow.blaming import why
from crmcore.hooks.channel import Channel
from crmcore.hooks.provider import (
    AddressChange,
    Choice,
    Feedback,
    HttpResponse,
    Inbound,
    Ingested,
    Listening,
    RawRequest,
)
from crmcore.model.cleaning import kept, row_id, time_of
from crmcore.model.event import Event, event
from crmcore.model.identity import Identity, identity
from crmcore.model.values import Value
from crmcore.store.identities import find
from crmcore.store.resolving import Naming, resolve
from crmcore.store.scope import Scope, Write

log = logging.getLogger("crmcore.webhooks")
RECEIVED = "message_received"
#: What is not understood, or not taken, is to come again.
FAILED = HttpResponse(status=500)
#: What is about a message whose id its carrier is about to tell us.
TOO_EARLY = HttpResponse(status=503, headers={"retry-after": "10"})


@attrs.frozen(kw_only=True)
class Origin:
    """Where webhooks come from, and the channels there are."""

    channel: str
    provider: str
    channels: Mapping[str, Channel]


def read(listening: Listening, request: RawRequest, now: int, origin: Origin) -> Ingested:
    """Return what a webhook holds; what its provider cannot read is not lost: its carrier sends it again."""
    try:
        return listening.parse_webhook(request, now)
    except Exception as error:  # noqa: BLE001 - whatever a plugin raises
        log.error("provider %s/%s cannot read a webhook: %s", origin.channel, origin.provider, why(error))  # noqa: TRY400 - its text may hold anything
        return Ingested(answer=FAILED)


def holds_anything(one: Ingested) -> bool:
    """Tell whether there is anything to be written of a webhook."""
    return bool(one.feedback or one.inbound or one.templates or one.choices or one.addresses)


def attempt(write: Write, read: Sequence[Ingested], origin: Origin) -> list[HttpResponse]:
    """Take webhooks in one transaction; where one of them cannot be taken, each in one of its own."""
    if not any(map(holds_anything, read)):
        return [one.answer for one in read]
    try:
        return write(partial(take, read=read, origin=origin))
    except (OperationalError, InterfaceError):
        raise  # the database is away: nobody's webhook is to blame
    except Exception as error:  # noqa: BLE001 - whatever a webhook may hold
        if len(read) > 1:
            return [attempt(write, [one], origin)[0] for one in read]
        log.error("a webhook of %s/%s cannot be taken: %s", origin.channel, origin.provider, type(error).__name__)  # noqa: TRY400 - its text may hold anything
        return [FAILED]


def take(scope: Scope, read: Sequence[Ingested], origin: Origin) -> list[HttpResponse]:
    """Take what several webhooks hold; return what each is answered with."""
    _move([tidy for one in read for given in one.addresses if (tidy := _address(given))], scope)
    inbound = [one for each in read for one in each.inbound]
    said = [[_feedback(one, scope.now) for one in each.feedback] for each in read]
    replies = [_reply(one, scope.now) for one in inbound if one.reply_to]
    heard = feedback.take(scope, [one for each in said for one in each] + replies, origin.provider, origin.channel)
    applying.apply_fitting(scope, [made for one in inbound if (made := _received(one, scope.now, origin))])
    choices = [choice for each in read for one in each.choices if (choice := _choice(one))]
    choosing.take(scope, origin.channel, origin.provider, choices)
    approving.take(scope, origin.channel, [one for each in read for one in each.templates], origin.channels)
    early = set(heard.early)
    return [
        one.answer if early.isdisjoint(each) else TOO_EARLY
        for one, each in zip(read, said if early else [()] * len(read), strict=True)
    ]


def alert(read: Iterable[Ingested], origin: Origin) -> None:
    """Tell the operator what a provider wants them to know."""
    for one in read:
        for said in one.alerts:
            log.warning("%s/%s: %s", origin.channel, origin.provider, said)


def _feedback(one: Feedback, now: int) -> Feedback:
    """Return feedback as a store can keep it; nearly all of it can be kept as it is."""
    key, reason, raw = kept(one.key), kept(one.reason), kept(one.raw)
    at, delivery_id = time_of(one.at, now), row_id(one.delivery_id)
    address = None if one.address is None else next(iter(_identities([one.address])), None)
    if (key, reason, raw, at, delivery_id, address) == (
        one.key,
        one.reason,
        one.raw,
        one.at,
        one.delivery_id,
        one.address,
    ):
        return one
    return attrs.evolve(one, key=key, reason=reason, raw=raw, at=at, delivery_id=delivery_id, address=address)


def _reply(one: Inbound, now: int) -> Feedback:
    return Feedback(
        key=f"reply {kept(one.key)}", type="replied", at=time_of(one.at, now), provider_id=kept(one.reply_to or "")
    )


def _received(one: Inbound, now: int, origin: Origin) -> Event | None:
    """Return the event that a customer has written; None where nobody can be told by whom."""
    if not (names := _identities(one.identities)):
        log.warning("%s/%s: a message came without an address that could be kept", origin.channel, origin.provider)
        return None
    said = {"channel": origin.channel, "text": kept(one.text), "kind": kept(one.kind)}
    said |= {"reply_to": kept(one.reply_to)} if one.reply_to else {}
    at, message_id = time_of(one.at, now), f"{origin.channel}/{origin.provider} {one.key}".encode(errors="replace")
    try:
        return event(
            now, RECEIVED, names, at=at, properties=_properties(one.properties) | said, message_id=_sized(message_id)
        )
    except InputError as error:
        log.warning(
            "%s/%s: a message's properties cannot be kept: %s", origin.channel, origin.provider, type(error).__name__
        )
        return event(now, RECEIVED, names, at=at, properties=said, message_id=_sized(message_id))


def _sized(message_id: bytes) -> bytes:
    """Sixteen bytes would stand for themselves, and might be another event's."""
    return message_id + b" "


def _properties(given: Mapping[str, Value]) -> dict[str, Value]:
    return {kept(name): kept(value) if isinstance(value, str) else value for name, value in given.items()}


def _identities(given: Iterable[Identity]) -> tuple[Identity, ...]:
    """Return those identities that can be kept, in normal form."""
    found: list[Identity] = []
    for one in given:
        try:
            found.append(identity(one.kind, one.value, "webhook"))
        except InputError:
            log.warning("an identity of the kind %s in a webhook cannot be kept", kept(str(one.kind), 100))
    return tuple(dict.fromkeys(found))


def _choice(one: Choice) -> Choice | None:
    addresses = _identities(one.addresses)
    return attrs.evolve(one, addresses=addresses) if addresses else None


def _address(one: AddressChange) -> AddressChange | None:
    old, new = _identities([one.old]), _identities(one.new)
    return attrs.evolve(one, old=old[0], new=new) if old and new else None


def _move(changes: Sequence[AddressChange], scope: Scope) -> None:
    """Let new addresses lead to the customers of the old ones; whom nobody knows there is nothing to be said of."""
    known = find(scope, [one.old for one in changes])
    namings = [Naming(names=(one.old, *one.new), at=time_of(one.at, scope.now)) for one in changes if one.old in known]
    if namings:
        resolve(scope, namings)
