"""Events: what happened, in the past tense."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import attrs

from crmcore.errors import FutureEvent, InvalidMoney, InvalidValue
from crmcore.model.identity import Identity, Who, identities
from crmcore.model.money import Money, is_currency
from crmcore.model.names import checked_name
from crmcore.model.time import MINUTE, iso, microseconds
from crmcore.model.values import checked_int, checked_text, decimal6, is_plain, scaled, to_json

#: The names that modules, campaigns and recommenders agree on (DESIGN, section 2).
STANDARD_EVENTS = frozenset(
    [
        "order_placed",
        "item_ordered",
        "order_returned",
        "item_returned",
        "payment_received",
        "invoice_issued",
        "invoice_paid",
        "invoice_overdue",
        "cart_updated",
        "cart_abandoned",
        "page_viewed",
        "product_viewed",
        "app_installed",
        "app_uninstalled",
        "feature_used",
        "complaint_raised",
        "complaint_closed",
        "survey_answered",
        "subscription_started",
        "subscription_renewed",
        "subscription_ended",
        "segment_entered",
        "segment_left",
        "address_removed",
        "coupon_redeemed",
        "message_sent",
        "message_delivered",
        "message_opened",
        "message_clicked",
        "message_received",
        "message_replied",
        "message_bounced",
        "message_complained",
        "message_unsubscribed",
        "message_failed",
        "consent_requested",
        "consent_confirmed",
    ]
)
#: The event that a code was used; its `ref` is the code.
COUPON_REDEEMED = "coupon_redeemed"
#: The event that an address is no more; its properties are `kind` and `channel`.
ADDRESS_REMOVED = "address_removed"
#: How far ahead of now an event may be dated.
FUTURE = 5 * MINUTE
FAR = 2**62
NO_PROPERTIES = "{}"


@attrs.frozen(kw_only=True)
class Event:
    """One event as it is stored; `event` builds one from what a caller has at hand.

    Attributes: `name`; `customer` (identities, not yet resolved); `at` (microseconds UTC); `item` (the host's item key);
    `quantity` (times 10^6); `amount` (minor units of `currency`); `ref` (order, cart or session); `properties` (JSON);
    `message_id` (16 bytes, dedupes); `source`; `trace` (W3C traceparent).
    """

    name: str
    customer: tuple[Identity, ...]
    at: int
    item: str | None = None
    quantity: int | None = None
    amount: int | None = None
    currency: str | None = None
    ref: str | None = None
    properties: str = NO_PROPERTIES
    message_id: bytes | None = None
    source: str | None = None
    trace: str | None = None


def event(  # noqa: PLR0913 - the verb's vocabulary: every field of an event has a name here
    now: int,
    /,
    name: str,
    customer: Who,
    *,
    at: datetime | int | None = None,
    item: str | None = None,
    quantity: float | Decimal | None = None,
    amount: int | Money | None = None,
    currency: str | None = None,
    ref: str | None = None,
    properties: Mapping[str, Any] | None = None,
    message_id: str | bytes | None = None,
    source: str | None = None,
    trace: str | None = None,
) -> Event:
    """Say what a customer did; without `at` it happened `now` (microseconds UTC).

    `amount` in minor units of `currency`, or Money; `ref` names the order, cart or session; the same `message_id` again
    changes nothing.

    Raise InvalidName, InvalidIdentity, InvalidTime, FutureEvent, InvalidMoney, InvalidValue or Overflow.
    """
    if amount is None:
        minor, code = None, None
    else:
        minor, code = _money(amount, currency, name)
    return Event(
        name=checked_name(name, "event", "track"),
        customer=identities(customer, name),
        at=now if at is None else occurred(at, now, name),
        item=None if item is None else _text(item, name, "item"),
        quantity=None if quantity is None else _quantity(quantity, name),
        amount=minor,
        currency=code,
        ref=None if ref is None else _text(ref, name, "ref"),
        properties=to_json(properties, name) if properties else NO_PROPERTIES,
        message_id=None if message_id is None else message_key(message_id),
        source=source,
        trace=trace,
    )


def occurred(at: datetime | int, now: int, name: str) -> int:
    """Return the time of an event in microseconds; raise FutureEvent where it is more than 5 minutes after now."""
    moment = at if type(at) is int else microseconds(at, f"{name}.at")
    if moment > now + FUTURE:
        raise FutureEvent(place=f"{name}.at", at=iso(moment), now=iso(now))
    return moment if moment >= -FAR else checked_int(moment, f"{name}.at")


def message_key(message_id: str | bytes) -> bytes:
    """Return the 16 bytes that stand for a message id: a UUID's own, else a BLAKE2b hash."""
    if isinstance(message_id, str):
        if len(message_id) == 36:  # noqa: PLR2004 - the length of a UUID with its dashes
            try:
                return bytes.fromhex(message_id.replace("-", ""))
            except ValueError:
                pass
        message_id = message_id.encode()
    return message_id if len(message_id) == 16 else hashlib.blake2b(message_id, digest_size=16).digest()  # noqa: PLR2004


def _text(text: str, name: str, field: str) -> str:
    if type(text) is str and is_plain(text):
        return text
    if not isinstance(text, str):
        raise InvalidValue(place=f"{name}.{field}", problem=f"{text!r} is no text")
    return checked_text(text, f"{name}.{field}")


def _quantity(quantity: float | Decimal, name: str) -> int:
    if type(quantity) is int:
        return checked_int(quantity * 1_000_000, f"{name}.quantity")
    if isinstance(quantity, float | Decimal):
        return scaled(decimal6(quantity, f"{name}.quantity"))
    raise InvalidValue(place=f"{name}.quantity", problem=f"{quantity!r} is no number")


def _money(amount: int | Money, currency: str | None, name: str) -> tuple[int, str]:
    if isinstance(amount, Money):
        return amount.minor, amount.currency
    if type(amount) is not int:
        fix = "give minor units as int, or Money.of(amount, currency)"
        raise InvalidMoney(place=f"{name}.amount", problem=f"{amount!r} is no integer; {fix}")
    if currency is None or not is_currency(currency):
        raise InvalidMoney(place=f"{name}.currency", problem=f"{currency!r} is no ISO 4217 code such as 'EUR'")
    return checked_int(amount, f"{name}.amount"), currency
