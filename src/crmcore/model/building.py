"""How Python writes conditions: `attribute("city") == "Bandung"`, `event("order_placed").count(within="365d") >= 3`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal, NoReturn

import attrs

from crmcore.errors import InvalidCondition
from crmcore.model.condition import (
    TEXT_ONLY,
    All,
    AnyOf,
    Attribute,
    Condition,
    Consented,
    Count,
    Everyone,
    Field,
    Moment,
    Not,
    Occurrences,
    Op,
    PluginRule,
    Subscribed,
    Sum,
    Tag,
)
from crmcore.model.money import Money
from crmcore.model.names import checked_name
from crmcore.model.purpose import Purpose
from crmcore.model.statement import ANY_CHANNEL
from crmcore.model.time import duration, microseconds
from crmcore.model.values import checked_int, decimal6, normalise, scaled
from crmcore.model.verbs import purpose_of

Span = str | int | timedelta

__all__ = [
    "all_of",
    "any_of",
    "attribute",
    "consent",
    "event",
    "everyone",
    "field",
    "not_",
    "rule",
    "subscribed",
    "tag",
]


@attrs.frozen(eq=False)
class Clause:
    """A condition being written; combine with & | ~. `condition` is what it says."""

    condition: Condition

    def __and__(self, other: Clause) -> Clause:
        return Clause(All(of=(self.condition, other.condition)))

    def __or__(self, other: Clause) -> Clause:
        return Clause(AnyOf(of=(self.condition, other.condition)))

    def __invert__(self) -> Clause:
        return Clause(Not(of=self.condition))

    def __bool__(self) -> NoReturn:
        raise InvalidCondition(
            place="a condition", problem="it has no truth by itself; combine with & | ~, not and or not"
        )


class _Compared:
    """What can be compared with a value."""

    __hash__ = None  # type: ignore[assignment]  # == makes a condition

    def _compare(self, op: Op, value: Any) -> Any:
        raise InvalidCondition(place=type(self).__name__, problem=f"{op.value} {value!r} cannot be said of it")

    def __eq__(self, value: object) -> Any:
        return self._compare(Op.EQ, value)

    def __ne__(self, value: object) -> Any:
        return self._compare(Op.NE, value)

    def __lt__(self, value: Any) -> Any:
        return self._compare(Op.LT, value)

    def __le__(self, value: Any) -> Any:
        return self._compare(Op.LE, value)

    def __gt__(self, value: Any) -> Any:
        return self._compare(Op.GT, value)

    def __ge__(self, value: Any) -> Any:
        return self._compare(Op.GE, value)


class _Valued(_Compared):
    """A named value: an attribute, or a field of an event."""

    def __init__(self, name: str) -> None:
        self._name = name

    def in_(self, values: Iterable[Any]) -> Any:
        """It is one of the values."""
        return self._say(Op.IN, tuple(normalise(value, self._name) for value in values))

    def exists(self) -> Any:
        """It is there and not null."""
        return self._say(Op.EXISTS, None)

    def is_null(self) -> Any:
        """It is there and null."""
        return self._say(Op.NULL, None)

    def contains(self, text: str) -> Any:
        """Its text holds this text."""
        return self._text(Op.CONTAINS, text)

    def startswith(self, text: str) -> Any:
        """Its text begins with this text."""
        return self._text(Op.STARTS, text)

    def equals_folded(self, text: str) -> Any:
        """Its text is this text, whatever the case."""
        return self._text(Op.FOLDED, text)

    def _text(self, op: Op, text: str) -> Any:
        return self._say(op, checked_value(op, normalise(text, self._name), self._name))

    def _compare(self, op: Op, value: Any) -> Any:
        return self._say(op, checked_value(op, normalise(value, self._name), self._name))

    def _say(self, op: Op, value: Any) -> Any:
        raise InvalidCondition(place=self._name, problem=f"{op.value} {value!r} cannot be said of it")


def checked_value(op: Op, value: Any, place: str) -> Any:
    """Return a value that fits a comparison; raise InvalidCondition."""
    if op in TEXT_ONLY and not isinstance(value, str):
        raise InvalidCondition(place=place, problem=f"{op.value} needs a text, not {value!r}")
    if value is None and op not in (Op.EXISTS, Op.NULL):
        raise InvalidCondition(place=place, problem="nothing compares with None; use .is_null() or .exists()")
    return value


class _Attribute(_Valued):
    def _say(self, op: Op, value: Any) -> Clause:
        return Clause(Attribute(name=self._name, op=op, value=value))


class _Field(_Valued):
    def _say(self, op: Op, value: Any) -> Field:
        return Field(name=self._name, op=op, value=value)


@attrs.frozen(eq=False)
class _Counted(_Compared):
    events: Occurrences

    def _compare(self, op: Op, value: Any) -> Clause:
        if type(value) is not int:
            raise InvalidCondition(place=f"count of {self.events.name}", problem=f"{value!r} is no integer")
        return Clause(Count(events=self.events, op=op, value=checked_int(value, self.events.name)))


@attrs.frozen(eq=False)
class _Summed(_Compared):
    events: Occurrences
    field: Literal["amount", "quantity"]
    currency: str | None

    def _compare(self, op: Op, value: Any) -> Clause:
        if self.field == "quantity":
            return self._said(op, self._quantity(value), None)
        if isinstance(value, Money):
            return self._said(op, value.minor, value.currency)
        if type(value) is not int:
            problem = f"{value!r} is neither minor units (an integer) nor Money"
            raise InvalidCondition(place=f"sum of {self.events.name}", problem=problem)
        return self._said(op, checked_int(value, self.events.name), self.currency)

    def _quantity(self, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
            raise InvalidCondition(place=f"sum of {self.events.name}", problem=f"{value!r} is no number")
        return scaled(decimal6(Decimal(value) if isinstance(value, int) else value, self.events.name))

    def _said(self, op: Op, value: int, currency: str | None) -> Clause:
        return Clause(Sum(events=self.events, field=self.field, op=op, value=value, currency=currency))


@attrs.frozen(eq=False)
class _When(_Compared):
    events: Occurrences
    which: Literal["first", "last"]

    def older_than(self, age: Span) -> Clause:
        """It was at or before now minus `age`."""
        return self._aged(Op.LE, age)

    def within(self, age: Span) -> Clause:
        """It was later than now minus `age`."""
        return self._aged(Op.GT, age)

    def _aged(self, op: Op, age: Span) -> Clause:
        return Clause(Moment(events=self.events, which=self.which, op=op, age=duration(age, self.events.name)))

    def _compare(self, op: Op, value: Any) -> Clause:
        moment = microseconds(value, f"{self.which} {self.events.name}")
        return Clause(Moment(events=self.events, which=self.which, op=op, at=moment))


@attrs.frozen(eq=False)
class EventClause:
    """Events of one name, to be counted, summed or dated."""

    events: Occurrences

    def where(self, *fields: Field, **equal: Any) -> EventClause:
        """Only those with these fields: `item="A"`, `field("price") > 3`."""
        same = [
            Field(name=name, op=Op.EQ, value=checked_value(Op.EQ, normalise(v, name), name))
            for name, v in equal.items()
        ]
        return EventClause(attrs.evolve(self.events, where=(*self.events.where, *fields, *same)))

    def between(self, since: datetime | int, until: datetime | int) -> EventClause:
        """Only those at or after `since` and before `until`."""
        start, end = (microseconds(moment, self.events.name) for moment in (since, until))
        return EventClause(attrs.evolve(self.events, since=start, until=end))

    def count(self, within: Span | None = None) -> _Counted:
        """How many there are."""
        return _Counted(self._within(within))

    def sum(
        self, name: Literal["amount", "quantity"], *, currency: str | None = None, within: Span | None = None
    ) -> _Summed:
        """The sum of their amounts (minor units, or compared with Money) or quantities."""
        if name not in ("amount", "quantity"):
            raise InvalidCondition(
                place=f"sum of {self.events.name}", problem=f"{name!r} is neither amount nor quantity"
            )
        return _Summed(self._within(within), name, currency)

    def did(self, within: Span | None = None) -> Clause:
        """There is one."""
        return Clause(Count(events=self._within(within), op=Op.GE, value=1))

    def did_not(self, within: Span | None = None) -> Clause:
        """There is none."""
        return Clause(Count(events=self._within(within), op=Op.EQ, value=0))

    def first(self) -> _When:
        """When the first was."""
        return _When(self.events, "first")

    def last(self) -> _When:
        """When the last was."""
        return _When(self.events, "last")

    def _within(self, span: Span | None) -> Occurrences:
        return self.events if span is None else attrs.evolve(self.events, within=duration(span, self.events.name))


def attribute(name: str) -> _Attribute:
    """Begin a condition on a customer's attribute."""
    return _Attribute(checked_name(name, "attribute", "condition"))


def event(name: str) -> EventClause:
    """Begin a condition on events of one name."""
    return EventClause(Occurrences(name=checked_name(name, "event", "condition")))


def field(name: str) -> _Field:
    """Begin a condition on a field of an event, for `where`."""
    if '"' in name or "\\" in name or not name:
        raise InvalidCondition(place="field", problem=f"{name!r} holds a quote or backslash, or is empty")
    return _Field(name)


def tag(name: str) -> Clause:
    """The customer has the tag."""
    return Clause(Tag(name=checked_name(name, "tag", "condition")))


def consent(purpose: Purpose | str, channel: str = ANY_CHANNEL) -> Clause:
    """The customer consents to the purpose on the channel."""
    return Clause(Consented(purpose=purpose_of(purpose, "condition"), channel=channel))


def subscribed(topic: str, channel: str = ANY_CHANNEL) -> Clause:
    """The customer wants the topic on the channel."""
    return Clause(Subscribed(topic=checked_name(topic, "topic", "condition"), channel=channel))


def everyone() -> Clause:
    """Every customer."""
    return Clause(Everyone())


def rule(name: str, **params: Any) -> Clause:
    """A condition that a plugin brings."""
    return Clause(PluginRule(rule=checked_name(name, "rule", "condition"), params=params))


def all_of(*clauses: Clause) -> Clause:
    """All of these hold."""
    return Clause(All(of=tuple(clause.condition for clause in clauses)))


def any_of(*clauses: Clause) -> Clause:
    """One of these holds."""
    return Clause(AnyOf(of=tuple(clause.condition for clause in clauses)))


def not_(clause: Clause) -> Clause:
    """This does not hold."""
    return ~clause
