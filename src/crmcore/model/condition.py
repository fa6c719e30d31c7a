"""Conditions on customers: one tree of frozen values; `model.building` is how Python writes them.

Two-valued: a comparison with a missing, null or other-typed value is false, and its `not` is true. Windows: `within` means
later than now minus it; nothing dated after now is seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, Literal

import attrs

from crmcore.errors import InvalidCondition
from crmcore.model.purpose import Purpose
from crmcore.model.statement import ANY_CHANNEL
from crmcore.model.values import Value

MAX_DEPTH = 50
MAX_LEAVES = 2000


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
    value: Value | tuple[Value, ...] = None


@attrs.frozen(kw_only=True)
class Tag:
    """The customer has the tag."""

    name: str


@attrs.frozen(kw_only=True)
class Field:
    """A field of an event compares so: item, ref, currency, quantity, amount, else a property (never `folded`)."""

    name: str
    op: Op
    value: Value | tuple[Value, ...] = None

    def __attrs_post_init__(self) -> None:
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
class Consented:
    """The latest statement about a purpose, on this channel or on every one, grants it; a withdrawal wins a tie."""

    purpose: Purpose
    channel: str = ANY_CHANNEL


@attrs.frozen(kw_only=True)
class Subscribed:
    """The latest wish about a topic, on this channel or on every one, wants it."""

    topic: str
    channel: str = ANY_CHANNEL


@attrs.frozen(kw_only=True)
class PluginRule:
    """A condition that a plugin brings, by name."""

    rule: str
    params: Mapping[str, Any] = attrs.field(factory=dict)


Leaf = Everyone | Attribute | Tag | Count | Sum | Moment | Consented | Subscribed | PluginRule
Condition = All | AnyOf | Not | Leaf


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
    count = sum(1 for _ in leaves(condition))
    if count > MAX_LEAVES:
        raise InvalidCondition(place="the tree", problem=f"it has {count:,} leaves, at most {MAX_LEAVES:,} fit")
    return condition
