"""What the verbs say: each verb makes one of these values; the fold applies them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import attrs

from crmcore.model.identity import Identity
from crmcore.model.purpose import Purpose

#: Every channel, where a statement names none.
ANY_CHANNEL = "*"


@attrs.frozen(kw_only=True)
class Identify:
    """Who a customer is: further identities, attributes and tags to set; `at` decides between two writes.

    `removed` are addresses that are the customer's no more.
    """

    customer: tuple[Identity, ...]
    at: int
    attributes: Mapping[str, Any] = attrs.field(factory=dict)
    tags: tuple[str, ...] = ()
    untags: tuple[str, ...] = ()
    removed: tuple[Identity, ...] = ()
    source: str | None = None


@attrs.frozen(kw_only=True)
class Group:
    """An account (company), the account it is part of, its attributes, and a customer who belongs to it or leaves."""

    account: str
    at: int
    name: str | None = None
    parent: str | None = None
    attributes: Mapping[str, Any] = attrs.field(factory=dict)
    customer: tuple[Identity, ...] = ()
    role: str = ""
    member: bool = True
    source: str | None = None


@attrs.frozen(kw_only=True)
class Merge:
    """Two customers are one; the key of `into` stays. `force` joins even two that are known by a key."""

    customer: tuple[Identity, ...]
    into: tuple[Identity, ...]
    at: int
    force: bool = False
    reason: str = ""


@attrs.frozen(kw_only=True)
class Unmerge:
    """Two customers are not one: whatever joined these two is taken back."""

    customer: tuple[Identity, ...]
    into: tuple[Identity, ...]
    at: int
    reason: str = ""


@attrs.frozen(kw_only=True)
class Consent:
    """A legal basis given or withdrawn, with its proof."""

    customer: tuple[Identity, ...]
    purpose: Purpose
    at: int
    channel: str = ANY_CHANNEL
    granted: bool = True
    basis: str = "consent"
    text_version: str = ""
    proof: Mapping[str, Any] = attrs.field(factory=dict)
    source: str | None = None


@attrs.frozen(kw_only=True)
class Subscribe:
    """A topic wanted, or not wanted any more."""

    customer: tuple[Identity, ...]
    topic: str
    at: int
    channel: str = ANY_CHANNEL
    wanted: bool = True
    source: str | None = None


@attrs.frozen(kw_only=True)
class Revisit:
    """Something of a customer has been written at once, in a transaction that did nothing of what follows from it."""

    customer: tuple[Identity, ...]
    at: int


@attrs.frozen(kw_only=True)
class Suppress:
    """Never contact this customer, or this one address, on a channel (or on any) until a time (or ever).

    What a carrier says somebody has opted out of is marketing, and no more than that.
    """

    customer: tuple[Identity, ...]
    at: int
    address: Identity | None = None
    channel: str = ANY_CHANNEL
    reason: Literal["bounce", "complaint", "manual", "opted_out"] = "manual"
    until: int | None = None
    source: str | None = None


@attrs.frozen(kw_only=True)
class Send:
    """One message to one customer, whose own order or request is the reason for it.

    Attributes: `channel` ("" where the template decides); `fields` (given to the template as `message`); `key` (the same
    again is the same message); `lifetime` (how long it may wait, in microseconds).
    """

    template: str
    customer: tuple[Identity, ...]
    at: int
    lifetime: int
    channel: str = ""
    fields: Mapping[str, Any] = attrs.field(factory=dict)
    purpose: Purpose = Purpose.TRANSACTIONAL
    key: str | None = None


@attrs.frozen(kw_only=True)
class Offer:
    """Something that can be recommended: the host's item key and what is known of it; `purpose` is the only one it is for."""

    item: str
    at: int
    title: str = ""
    category: str = ""
    price: int | None = None
    currency: str | None = None
    available_from: int | None = None
    available_until: int | None = None
    stock: int | None = None
    margin: int | None = None
    attributes: Mapping[str, Any] = attrs.field(factory=dict)
    purpose: Purpose | None = None
