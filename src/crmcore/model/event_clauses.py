"""Conditions on events being written in Python: counted, summed, dated, followed by others."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

import attrs

from crmcore.errors import InvalidCondition
from crmcore.model.clauses import Clause, Compared, Unfinished, checked_value
from crmcore.model.condition import Count, Distinct, Extreme, Field, Followed, Moment, Occurrences, Op, Sum
from crmcore.model.money import Money
from crmcore.model.time import duration, microseconds
from crmcore.model.values import checked_int, decimal6, normalise, scaled

Span = str | timedelta


def span_of(length: object, place: str) -> int:
    """Return a length of time in microseconds.

    Raise InvalidCondition for a bare number, InvalidTime for a text that is none, Overflow beyond 64 bits.
    """
    if not isinstance(length, str | timedelta):
        near = f"{length}d" if type(length) is int else "30d"
        problem = f"{length!r} is no length of time; write a text with its unit, as in {near!r}, or a timedelta"
        raise InvalidCondition(place=place, problem=problem)
    return checked_int(duration(length, place), place)


@attrs.frozen(eq=False)
class _Counted(Compared):
    events: Occurrences

    def _missing(self) -> tuple[str, str]:
        return _asked(self.events, ".count() >= 1")

    def _compare(self, op: Op, value: Any) -> Clause:
        if type(value) is not int:
            raise InvalidCondition(place=f"count of {self.events.name}", problem=f"{value!r} is no integer")
        return Clause(Count(events=self.events, op=op, value=checked_int(value, self.events.name)))


@attrs.frozen(eq=False)
class _Summed(Compared):
    events: Occurrences
    field: Literal["amount", "quantity"]
    currency: str | None

    def _missing(self) -> tuple[str, str]:
        return _asked(self.events, f".sum({self.field!r}) >= 1000")

    def _compare(self, op: Op, value: Any) -> Clause:
        if self.field == "quantity":
            return self._said(op, _millionths(value, f"sum of {self.events.name}"), self.currency)
        if isinstance(value, Money):
            if self.currency not in (None, value.currency):
                problem = f"a sum in {self.currency} is compared with {value}; name one currency"
                raise InvalidCondition(place=f"sum of {self.events.name}", problem=problem)
            return self._said(op, value.minor, value.currency)
        if type(value) is not int:
            problem = f"{value!r} is neither minor units (an integer) nor Money"
            raise InvalidCondition(place=f"sum of {self.events.name}", problem=problem)
        return self._said(op, checked_int(value, self.events.name), self.currency)

    def _said(self, op: Op, value: int, currency: str | None) -> Clause:
        return Clause(Sum(events=self.events, field=self.field, op=op, value=value, currency=currency))


@attrs.frozen(eq=False)
class _Outermost(Compared):
    events: Occurrences
    which: Literal["min", "max"]
    field: str

    def _missing(self) -> tuple[str, str]:
        return _asked(self.events, f".{self.which}({self.field!r}) > 5")

    def _compare(self, op: Op, value: Any) -> Clause:
        place = f"{self.which} of {self.events.name}.{self.field}"
        if self.field != "amount":
            return self._said(self.events, op, _millionths(value, place))
        if isinstance(value, Money):
            same = Field(name="currency", op=Op.EQ, value=value.currency)
            return self._said(attrs.evolve(self.events, where=(*self.events.where, same)), op, value.minor)
        if type(value) is not int:
            raise InvalidCondition(place=place, problem=f"{value!r} is neither minor units (an integer) nor Money")
        return self._said(self.events, op, checked_int(value, place))

    def _said(self, events: Occurrences, op: Op, value: int) -> Clause:
        return Clause(Extreme(events=events, which=self.which, field=self.field, op=op, value=value))


@attrs.frozen(eq=False)
class _Different(Compared):
    events: Occurrences
    field: str

    def _missing(self) -> tuple[str, str]:
        return _asked(self.events, f".distinct({self.field!r}) >= 3")

    def _compare(self, op: Op, value: Any) -> Clause:
        if type(value) is not int:
            raise InvalidCondition(place=f"distinct {self.field}", problem=f"{value!r} is no integer")
        return Clause(Distinct(events=self.events, field=self.field, op=op, value=checked_int(value, self.field)))


def _millionths(value: Any, place: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise InvalidCondition(place=place, problem=f"{value!r} is no number")
    return scaled(decimal6(Decimal(value) if isinstance(value, int) else value, place))


@attrs.frozen(eq=False)
class _When(Compared):
    events: Occurrences
    which: Literal["first", "last"]

    def _missing(self) -> tuple[str, str]:
        return _asked(self.events, f".{self.which}().within('30d')")

    def older_than(self, age: Span) -> Clause:
        """It was at or before now minus `age`."""
        return self._aged(Op.LE, age)

    def within(self, age: Span) -> Clause:
        """It was later than now minus `age`."""
        return self._aged(Op.GT, age)

    def _aged(self, op: Op, age: Span) -> Clause:
        return Clause(Moment(events=self.events, which=self.which, op=op, age=span_of(age, self.events.name)))

    def _compare(self, op: Op, value: Any) -> Clause:
        moment = microseconds(value, f"{self.which} {self.events.name}")
        return Clause(Moment(events=self.events, which=self.which, op=op, at=moment))


def _asked(events: Occurrences, ask: str) -> tuple[str, str]:
    return f"event {events.name}", f"event({events.name!r}){ask}"


def _no_field(events: Occurrences, said: object) -> InvalidCondition:
    if isinstance(said, Unfinished):
        return said.unfinished()
    problem = 'where takes comparisons of fields, as in field("price") > 3 or item="A"'
    return InvalidCondition(place=f"event {events.name}", problem=problem)


@attrs.frozen(eq=False)
class EventClause(Compared):
    """Events of one name, to be counted, summed or dated."""

    events: Occurrences

    def _missing(self) -> tuple[str, str]:
        place, did = _asked(self.events, ".did()")
        return place, f"{did} or {_asked(self.events, '.count() >= 1')[1]}"

    def _compare(self, op: Op, value: Any) -> Clause:  # noqa: ARG002 - nothing compares
        raise self.unfinished()

    def where(self, *fields: Field, **equal: Any) -> EventClause:
        """Only those with these fields: `item="A"`, `field("price") > 3`, `field("utm.source") == "ads"`."""
        for one in fields:
            if not isinstance(one, Field):
                raise _no_field(self.events, one)
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

    def min(self, name: str, *, within: Span | None = None) -> _Outermost:
        """The least number of a field: amount (minor units, or compared with Money), quantity or a property."""
        return _Outermost(self._within(within), "min", name)

    def max(self, name: str, *, within: Span | None = None) -> _Outermost:
        """The greatest number of a field, as `min` has the least."""
        return _Outermost(self._within(within), "max", name)

    def distinct(self, name: str, *, within: Span | None = None) -> _Different:
        """How many different texts a field has: item, ref, currency or a property."""
        return _Different(self._within(within), name)

    def then(self, later: EventClause, *, within: Span) -> Clause:
        """One of them is followed by one of the others: later than it, and at most `within` later."""
        span = span_of(within, self.events.name)
        return Clause(Followed(first=self.events, then=_events_of(later, self.events), within=span))

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
        return self.events if span is None else attrs.evolve(self.events, within=span_of(span, self.events.name))


def _events_of(later: object, first: Occurrences) -> Occurrences:
    if isinstance(later, EventClause):
        return later.events
    near = later if isinstance(later, str) else "order_placed"
    problem = f"then takes events and nothing asked of them, as in then(event({near!r}), within='7d')"
    raise InvalidCondition(place=f"event {first.name}", problem=problem)
