"""What a caller says, checked: each function takes a verb's arguments and returns its statement.

`now` is microseconds UTC and stands for a missing `at`. A customer is named by the host's key ("42"), by
{"email": "ada@example.com"} or another identity, or by several at once, which then belong to one customer. All raise the errors of `InputError`, naming the field.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from crmcore.errors import InvalidIdentity, InvalidName, InvalidValue
from crmcore.model.event import event, occurred
from crmcore.model.identity import KEY, Identity, Who, identities, identity
from crmcore.model.money import Money
from crmcore.model.names import checked_name
from crmcore.model.purpose import NO_CONSENT_NEEDED, Purpose
from crmcore.model.statement import (
    ANY_CHANNEL,
    Consent,
    Group,
    Identify,
    Merge,
    Offer,
    Send,
    Subscribe,
    Suppress,
    Unmerge,
)
from crmcore.model.time import duration, microseconds
from crmcore.model.values import Value, checked_int, checked_list, checked_text, normalise, to_plain

__all__ = ["consent", "event", "group", "identify", "merge", "offer", "send", "subscribe", "suppress", "unmerge"]

Time = datetime | int
#: Attributes one can be reached by: they are identities too.
ADDRESS_ATTRIBUTES = ("email", "phone")
REASONS = ("bounce", "complaint", "manual")


def identify(
    now: int,
    /,
    customer: Who,
    attributes: Mapping[str, Any] | None = None,
    *,
    tags: Iterable[str] = (),
    untags: Iterable[str] = (),
    removed: Identity | Mapping[str, str] | Sequence[Identity] = (),
    at: Time | None = None,
    source: str | None = None,
) -> Identify:
    """Say who a customer is; the attributes email and phone become identities as well.

    Nothing is sent any more to addresses that are `removed`, such as that of a device that has logged out, until they are
    named again.
    """
    values = _attributes(attributes, "identify")
    return Identify(
        customer=_with_addresses(identities(customer, "identify.customer"), values),
        at=_at(at, now, "identify"),
        attributes=values,
        tags=_names(tags, "tag", "identify.tags"),
        untags=_names(untags, "tag", "identify.untags"),
        removed=_addresses(removed, "identify.removed"),
        source=source,
    )


def group(
    now: int,
    /,
    account: str,
    *,
    name: str | None = None,
    parent: str | None = None,
    attributes: Mapping[str, Any] | None = None,
    customer: Who | None = None,
    role: str = "",
    member: bool = True,
    at: Time | None = None,
    source: str | None = None,
) -> Group:
    """Say what an account is, which account it is part of ("" for none), and who belongs to it in which role.

    With `member=False` the customer left it.
    """
    return Group(
        account=_words(account, "group.account"),
        at=_at(at, now, "group"),
        name=None if name is None else _words(name, "group.name"),
        parent=None if parent is None else checked_text(parent, "group.parent"),
        attributes=_attributes(attributes, "group"),
        customer=() if customer is None else identities(customer, "group.customer"),
        role=checked_text(role, "group.role"),
        member=_truth(member, "group.member"),
        source=source,
    )


def merge(
    now: int, /, customer: Who, into: Who, *, force: bool = False, at: Time | None = None, reason: str = ""
) -> Merge:
    """Say that two customers are one; the key of `into` stays.

    Raise MergeConflict where both are known by a key, unless `force` is given: the statement is kept, and holds once
    what it contradicts is taken back.
    """
    return Merge(
        customer=identities(customer, "merge.customer"),
        into=identities(into, "merge.into"),
        at=_at(at, now, "merge"),
        force=_truth(force, "merge.force"),
        reason=checked_text(reason, "merge.reason"),
    )


def unmerge(now: int, /, customer: Who, into: Who, *, at: Time | None = None, reason: str = "") -> Unmerge:
    """Say that two customers are not one: a merge of these two, or their being named together, is taken back.

    Each has its own history again, and what came in since goes to the one it named. They stay apart, even where they are
    named together again, until they are merged again.
    """
    return Unmerge(
        customer=identities(customer, "unmerge.customer"),
        into=identities(into, "unmerge.into"),
        at=_at(at, now, "unmerge"),
        reason=checked_text(reason, "unmerge.reason"),
    )


def consent(
    now: int,
    /,
    customer: Who,
    purpose: Purpose | str,
    *,
    granted: bool = True,
    channel: str = ANY_CHANNEL,
    basis: str = "consent",
    text_version: str = "",
    proof: Mapping[str, Any] | None = None,
    at: Time | None = None,
    source: str | None = None,
) -> Consent:
    """Say that a legal basis was given or withdrawn; `proof` holds what shows it (form, address, wording)."""
    return Consent(
        customer=identities(customer, "consent.customer"),
        purpose=purpose_of(purpose, "consent.purpose"),
        at=_at(at, now, "consent"),
        channel=_channel(channel, "consent"),
        granted=_truth(granted, "consent.granted"),
        basis=_words(basis, "consent.basis"),
        text_version=checked_text(text_version, "consent.text_version"),
        proof=_plain(proof, "consent.proof"),
        source=source,
    )


def subscribe(
    now: int,
    /,
    customer: Who,
    topic: str,
    *,
    wanted: bool = True,
    channel: str = ANY_CHANNEL,
    at: Time | None = None,
    source: str | None = None,
) -> Subscribe:
    """Say that a topic is wanted, or not any more."""
    return Subscribe(
        customer=identities(customer, "subscribe.customer"),
        topic=checked_name(topic, "topic", "subscribe.topic"),
        at=_at(at, now, "subscribe"),
        channel=_channel(channel, "subscribe"),
        wanted=_truth(wanted, "subscribe.wanted"),
        source=source,
    )


def suppress(
    now: int,
    /,
    customer: Who,
    *,
    address: Identity | Mapping[str, str] | None = None,
    channel: str = ANY_CHANNEL,
    reason: str = "manual",
    until: Time | None = None,
    at: Time | None = None,
    source: str | None = None,
) -> Suppress:
    """Say that a customer, or one address, must never be contacted (or not before `until`)."""
    if reason not in REASONS:
        raise InvalidValue(place="suppress.reason", problem=f"{reason!r} is none of {', '.join(REASONS)}")
    return Suppress(
        customer=identities(customer, "suppress.customer"),
        at=_at(at, now, "suppress"),
        address=None if address is None else _one_identity(address),
        channel=_channel(channel, "suppress"),
        reason=reason,  # type: ignore[arg-type]  # one of REASONS
        until=None if until is None else microseconds(until, "suppress.until"),
        source=source,
    )


def offer(
    now: int,
    /,
    item: str,
    *,
    title: str = "",
    category: str = "",
    price: Money | None = None,
    stock: int | None = None,
    margin: int | None = None,
    available_from: Time | None = None,
    available_until: Time | None = None,
    attributes: Mapping[str, Any] | None = None,
    purpose: Purpose | str | None = None,
    at: Time | None = None,
) -> Offer:
    """Say what can be recommended; `margin` in minor units of the price's currency.

    With a `purpose` (such as "up_sell") it is only in messages that are sent for it.
    """
    if price is not None and not isinstance(price, Money):
        raise InvalidValue(place="offer.price", problem=f"{price!r} is no Money; use Money.of(amount, currency)")
    return Offer(
        item=_words(item, "offer.item"),
        at=_at(at, now, "offer"),
        title=checked_text(title, "offer.title"),
        category=checked_text(category, "offer.category"),
        price=None if price is None else price.minor,
        currency=None if price is None else price.currency,
        stock=_whole(stock, "offer.stock"),
        margin=_whole(margin, "offer.margin"),
        available_from=None if available_from is None else microseconds(available_from, "offer.available_from"),
        available_until=None if available_until is None else microseconds(available_until, "offer.available_until"),
        attributes=_plain(attributes, "offer.attributes"),
        purpose=None if purpose is None else purpose_of(purpose, "offer.purpose"),
    )


def send(
    now: int,
    /,
    template: str,
    *,
    to: Who,
    fields: Mapping[str, Any] | None = None,
    channel: str | None = None,
    purpose: Purpose | str = "transactional",
    key: str | None = None,
    expires: str = "3d",
) -> Send:
    """Say that a customer is to get one message, whose reason is the customer's own order or request.

    The template sees `fields` as `message`. Without `channel` it goes by the only one that has the template, by e-mail
    where several have it; to the address that `to` names, else to the customer's first (of push: to each device). A `key` makes it one message,
    however often it is said: one of this template on this channel to this customer, for ever. `expires` is how long it may
    wait. Purposes that need a consent are refused: those are campaigns. A template that is not there raises
    UnknownTemplate; said inside a host's transaction, the statement waits in quarantine with that reason.
    """
    return Send(
        template=checked_name(template, "template", "send.template"),
        customer=identities(to, "send.to"),
        at=now,
        lifetime=_lifetime(expires),
        channel="" if channel is None else checked_name(channel, "channel", "send.channel"),
        fields=_plain(fields, "send.fields"),
        purpose=_purpose_without_consent(purpose),
        key=None if key is None else _words(key, "send.key"),
    )


def _lifetime(expires: str) -> int:
    lifetime = duration(expires, "send.expires")
    if lifetime < 1:
        raise InvalidValue(place="send.expires", problem=f"a message that expires after {expires!r} is never sent")
    return lifetime


def _purpose_without_consent(purpose: Purpose | str) -> Purpose:
    found = purpose_of(purpose, "send.purpose")
    if found not in NO_CONSENT_NEEDED:
        problem = f"{found.value!r} is marketing, for those who agreed to it: launch a campaign"
        raise InvalidValue(place="send.purpose", problem=problem)
    return found


def purpose_of(purpose: Purpose | str, place: str) -> Purpose:
    """Return the purpose of that name, one of the closed list."""
    try:
        return Purpose(purpose)
    except ValueError as error:
        known = ", ".join(one.value for one in Purpose)
        raise InvalidName(name=purpose, kind="purpose", place=place, rule=f"one of {known}") from error


def _at(at: Time | None, now: int, verb: str) -> int:
    return now if at is None else occurred(at, now, verb)


def _attributes(attributes: Mapping[str, Any] | None, verb: str) -> dict[str, Value]:
    return {
        checked_name(name, "attribute", verb): normalise(value, f"{verb}.{name}")
        for name, value in (attributes or {}).items()
    }


def _with_addresses(named: tuple[Identity, ...], values: Mapping[str, Value]) -> tuple[Identity, ...]:
    given = [identity(kind, values[kind], "identify") for kind in ADDRESS_ATTRIBUTES if values.get(kind) is not None]
    return (*named, *(one for one in given if one not in named))


def _names(names: Iterable[str], kind: str, place: str) -> tuple[str, ...]:
    return tuple(checked_name(name, kind, place) for name in checked_list(names, place))


def _addresses(named: Identity | Mapping[str, str] | Sequence[Identity], place: str) -> tuple[Identity, ...]:
    found = identities(named, place) if named else ()
    if any(one.kind == KEY for one in found):
        raise InvalidIdentity(place=place, problem="a key is no address")
    return found


def _one_identity(address: Identity | Mapping[str, str]) -> Identity:
    found = identities(address, "suppress.address")
    if len(found) != 1:
        raise InvalidValue(place="suppress.address", problem=f"{len(found)} addresses are given, one is needed")
    return found[0]


def _channel(channel: str, verb: str) -> str:
    return channel if channel == ANY_CHANNEL else checked_name(channel, "channel", f"{verb}.channel")


def _words(text: str, place: str) -> str:
    if not isinstance(text, str) or not text.strip():
        raise InvalidValue(place=place, problem=f"{text!r} is no text")
    return checked_text(text, place)


def _truth(value: bool, place: str) -> bool:  # noqa: FBT001 - it is the value that is checked
    if not isinstance(value, bool):
        raise InvalidValue(place=place, problem=f"{value!r} is neither True nor False")
    return value


def _whole(number: int | None, place: str) -> int | None:
    if number is None:
        return None
    if type(number) is not int:
        raise InvalidValue(place=place, problem=f"{number!r} is no integer")
    return checked_int(number, place)


def _plain(mapping: Mapping[str, Any] | None, place: str) -> Mapping[str, Any]:
    to_plain(mapping or {}, place)
    return dict(mapping or {})
