"""What is known of one customer: the values that the reference meaning of conditions reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from crmcore.model.values import Value


@attrs.frozen(kw_only=True)
class PastEvent:
    """An event of a history; `quantity` times 10^6, `amount` in minor units, `properties` as values; `id` of its row."""

    name: str
    at: int
    id: int = 0
    item: str | None = None
    quantity: int | None = None
    amount: int | None = None
    currency: str | None = None
    ref: str | None = None
    properties: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class Said:
    """The latest statement about a purpose or topic on one channel."""

    about: str
    channel: str
    yes: bool
    at: int


@attrs.frozen(kw_only=True)
class History:
    """What is known of one customer; `accounts` are the attributes of each account, `segments` the uploaded ones.

    `times` are those of events of which no more is known, by name and in order.
    """

    customer_id: int = 0
    accounts: tuple[Mapping[str, Value], ...] = ()
    segments: frozenset[str] = frozenset()
    attributes: Mapping[str, Value] = attrs.field(factory=dict)
    tags: frozenset[str] = frozenset()
    events: tuple[PastEvent, ...] = ()
    times: Mapping[str, Sequence[int]] = attrs.field(factory=dict)
    consents: tuple[Said, ...] = ()
    wishes: tuple[Said, ...] = ()
