"""Conditions on customers: one tree of frozen values; `model.building` is how Python writes them.

Two conditions are equal where what is stored of them is: 1, 1.0 and true are three values.
Two-valued: a comparison with a missing, null or other-typed value is false, and its `not` is true. Windows: `within` means
later than now minus it; nothing dated after now is seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from enum import StrEnum
from itertools import islice
from typing import Any, Literal

import attrs

from crmcore.errors import InvalidCondition
from crmcore.model.fields import checked_field
from crmcore.model.purpose import Purpose
from crmcore.model.statement import ANY_CHANNEL
from crmcore.model.time import iso
from crmcore.model.values import Value, decimal6, to_json, with_kind

MAX_DEPTH = 50
MAX_LEAVES = 2000
#: Shares of all customers are told in hundredths of a percent.
BUCKETS = 10_000


class Op(StrEnum):
    """How a value is compared."""

    EQ = "=="
    NE = "!="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="
    IN = "in"
    EXISTS = "exists"
    NULL = "null"
    CONTAINS = "contains"
    STARTS = "starts"
    FOLDED = "folded"


ORDER = frozenset({Op.EQ, Op.NE, Op.LT, Op.LE, Op.GT, Op.GE})
TEXT_ONLY = frozenset({Op.CONTAINS, Op.STARTS, Op.FOLDED})
#: Fields of an event that are columns of their own, and the kind of each; any other name is a property.
HOT = {"item": "text", "ref": "text", "currency": "text", "quantity": "decimal", "amount": "int"}
#: A currency that a condition may name: three capital letters; AND joins conditions in words.
CURRENCY = re.compile(r"(?!AND)[A-Z]{3}")
#: The standard events by which a company and a customer are in contact, by any channel or person.
CONTACTS = ("message_sent", "call_made", "meeting_held", "visit_made")


@attrs.frozen(kw_only=True)
class Everyone:
    """Every customer."""


@attrs.frozen(kw_only=True)
class All:
    """All of these hold; none given is true."""

    of: tuple[Condition, ...]


@attrs.frozen(kw_only=True)
class AnyOf:
    """One of these holds; none given is false."""

    of: tuple[Condition, ...]


@attrs.frozen(kw_only=True)
class Not:
    """This does not hold."""

    of: Condition


@attrs.frozen(kw_only=True)
class Attribute:
    """A customer's attribute compares so with a value (a tuple of values for `in`, None where `op` needs none)."""

    name: str
    op: Op
    value: Value | tuple[Value, ...] = attrs.field(default=None, eq=with_kind)


@attrs.frozen(kw_only=True)
class Tag:
    """The customer has the tag."""

    name: str


def _quantity(value: Any) -> Any:
    """Every quantity is stored as a decimal: a whole number is taken as the one it is."""
    if isinstance(value, tuple):
        return tuple(map(_quantity, value))
    return decimal6(Decimal(value), "quantity") if type(value) is int else value


@attrs.frozen(kw_only=True)
class Field:
    """A field of an event compares so: item, ref, currency, quantity, amount, else a property's path (never `folded`)."""

    name: str = attrs.field(converter=checked_field)
    op: Op
    value: Value | tuple[Value, ...] = attrs.field(default=None, eq=with_kind)

    def __attrs_post_init__(self) -> None:
        if self.name == "quantity":
            object.__setattr__(self, "value", _quantity(self.value))
        if self.op is Op.FOLDED:
            raise InvalidCondition(place=self.name, problem="fields of events have no folded form; attributes have")


@attrs.frozen(kw_only=True)
class Occurrences:
    """Events of one name: in a window before now (`within`, microseconds) or between two times, with fields as given.

    `since` is included, `until` is not.
    """

    name: str
    within: int | None = None
    since: int | None = None
    until: int | None = None
    where: tuple[Field, ...] = ()

    def __attrs_post_init__(self) -> None:
        if self.since is not None and self.until is not None and self.since > self.until:
            problem = f"{iso(self.since)} is later than {iso(self.until)}; the earlier time comes first"
            raise InvalidCondition(place=self.name, problem=problem)


@attrs.frozen(kw_only=True)
class Count:
    """How many of these events there are compares so with a number."""

    events: Occurrences
    op: Op
    value: int


@attrs.frozen(kw_only=True)
class Sum:
    """The sum of a field over these events compares so; without events it is 0.

    `amount` in minor units of `currency` (which may be left out where all are of one currency); `quantity` times 10^6.
    """

    events: Occurrences
    field: Literal["amount", "quantity"]
    op: Op
    value: int
    currency: str | None = None

    def __attrs_post_init__(self) -> None:
        if self.currency is not None and not CURRENCY.fullmatch(str(self.currency)):
            problem = f"{self.currency!r} is no ISO 4217 code such as 'EUR'"
            raise InvalidCondition(place=f"the sum of {self.events.name}", problem=problem)


@attrs.frozen(kw_only=True)
class Moment:
    """The first or last of these events compares so with a time, or with now minus an age; false where there is none.

    Exactly one of `at` and `age` (both microseconds) is given.
    """

    events: Occurrences
    which: Literal["first", "last"]
    op: Op
    at: int | None = None
    age: int | None = None


@attrs.frozen(kw_only=True)
class Extreme:
    """The least or greatest value of a field over these events compares so; false where no event has one.

    `field` is amount (minor units), quantity (times 10^6) or a property, of which only numbers count: int and decimal, both
    times 10^6 as `value` is then (an int whose 10^6-fold leaves 64 bits counts as the last number that fits).
    """

    events: Occurrences
    which: Literal["min", "max"]
    field: str = attrs.field(converter=checked_field)
    op: Op
    value: int

    def __attrs_post_init__(self) -> None:
        _refuse_kind(self.field, "text", "there is no least or greatest text; min and max are of numbers")


@attrs.frozen(kw_only=True)
class Distinct:
    """How many different texts a field has over these events compares so; `field` is item, ref, currency or a property."""

    events: Occurrences
    field: str = attrs.field(converter=checked_field)
    op: Op
    value: int

    def __attrs_post_init__(self) -> None:
        for kind in ("int", "decimal"):
            _refuse_kind(self.field, kind, "different texts are counted, of numbers there are none")


@attrs.frozen(kw_only=True)
class Followed:
    """One of `first` is followed by one of `then`: later than it, and at most `within` microseconds later."""

    first: Occurrences
    then: Occurrences
    within: int


@attrs.frozen(kw_only=True)
class Anniversary:
    """An attribute that is a date comes round within so many days: today (UTC) or one of the next `days`.

    29 February comes round on 1 March where a year has none.
    """

    name: str
    days: int

    def __attrs_post_init__(self) -> None:
        if self.days < 0:
            raise InvalidCondition(place=self.name, problem="the days ahead are 0 (today) or more")


@attrs.frozen(kw_only=True)
class OfAccount:
    """One of the accounts the customer belongs to has an attribute that compares so, as `Attribute` does."""

    name: str
    op: Op
    value: Value | tuple[Value, ...] = attrs.field(default=None, eq=with_kind)


@attrs.frozen(kw_only=True)
class Bucket:
    """The customer falls into a share of all, the same one for the same salt: `since` <= bucket < `until` of BUCKETS.

    The bucket is `(a * seed + b) % P % BUCKETS` with P = 2147483647, seed = the customer's id % P, a (at least 1) and b
    drawn from the salt by BLAKE2b (`rules.bucket.drawn`).
    """

    salt: str
    since: int
    until: int

    def __attrs_post_init__(self) -> None:
        if not 0 <= self.since < self.until <= BUCKETS:
            problem = f"a share runs from 0 up to {BUCKETS:,}, not from {self.since} to {self.until}"
            raise InvalidCondition(place=f"bucket {self.salt}", problem=problem)


@attrs.frozen(kw_only=True)
class InSegment:
    """The customer is in another segment, a rule's or an uploaded one; by name."""

    segment: str


@attrs.frozen(kw_only=True)
class Consented:
    """The latest statement about a purpose, on this channel or on every one, grants it; a withdrawal wins a tie."""

    purpose: Purpose
    channel: str = ANY_CHANNEL


@attrs.frozen(kw_only=True)
class Subscribed:
    """The latest wish about a topic, on this channel or on every one, wants it."""

    topic: str
    channel: str = ANY_CHANNEL


def _as_json(params: Mapping[str, Any]) -> str:
    return to_json(params, "params")


@attrs.frozen(kw_only=True)
class PluginRule:
    """A condition that a plugin brings, by name."""

    rule: str
    params: Mapping[str, Any] = attrs.field(factory=dict, eq=_as_json)


Leaf = (
    Everyone
    | Attribute
    | Tag
    | Count
    | Sum
    | Extreme
    | Distinct
    | Moment
    | Followed
    | Anniversary
    | OfAccount
    | Bucket
    | InSegment
    | Consented
    | Subscribed
    | PluginRule
)
Condition = All | AnyOf | Not | Leaf


def _refuse_kind(field: str, kind: str, problem: str) -> None:
    if HOT.get(field) == kind:
        raise InvalidCondition(place=field, problem=problem)


def leaves(condition: Condition, depth: int = 0) -> Iterator[Leaf]:
    """Yield the leaves of a tree; raise InvalidCondition where it is deeper than MAX_DEPTH."""
    if depth > MAX_DEPTH:
        raise InvalidCondition(place=f"depth {depth}", problem=f"a tree may be {MAX_DEPTH} deep")
    match condition:
        case All() | AnyOf():
            for inner in condition.of:
                yield from leaves(inner, depth + 1)
        case Not():
            yield from leaves(condition.of, depth + 1)
        case _:
            yield condition


def checked(condition: Condition) -> Condition:
    """Return the condition; raise InvalidCondition where it is too deep or has too many leaves."""
    if any(True for _ in islice(leaves(condition), MAX_LEAVES, None)):
        raise InvalidCondition(place="the tree", problem=f"it has more leaves than the {MAX_LEAVES:,} that fit")
    return condition
