"""Events of one name in a window: which there are, in SQL and in Python, and how that changes by time alone.

An event is seen from its time on, and until `within` is over: time reveals and drops events in the order of their times,
so that those seen are always a run of the sorted ones.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

import attrs
from sqlalchemy import and_, false, literal_column, not_, select

from crmcore.hooks.rule import Touches
from crmcore.model.condition import HOT, Field, Occurrences, Op
from crmcore.model.fields import value_in
from crmcore.model.history import History, PastEvent
from crmcore.model.values import INT64, kind_of, number_of, unscaled
from crmcore.rules.comparing import MISSING, ORDER, compare, compared, one_of
from crmcore.rules.leaf import Course, Ids, SeenFrom, Truth, among
from crmcore.store import properties, schema
from crmcore.store.scope import Scope

Measured = TypeVar("Measured")
Measuring = TypeVar("Measuring")
#: A time, events newly seen then, and events dropped.
Turnover = Iterator[tuple[int, Sequence[PastEvent], Sequence[PastEvent]]]
#: Longer than all time, and short enough to be added to a time in 64 bits.
LONG = 2**61


def found(events: Occurrences, scope: Scope, row: Any = schema.event.c) -> Ids:
    """Return the select of their customers' ids; `row` are the columns of crm_event under another name."""
    start = [] if events.within is None else [row.occurred_at > scope.now - min(events.within, LONG)]
    start += [] if events.since is None else [row.occurred_at >= _fitting(events.since)]
    end = [] if events.until is None else [row.occurred_at < _fitting(events.until)]
    dialect = scope.connection.dialect.name
    return select(row.customer_id).where(
        row.workspace_id == scope.workspace_id,
        row.name == events.name,
        row.occurred_at <= scope.now,
        *start,
        *end,
        *(_field_sql(one, row, dialect) for one in events.where),
    )


def each_customer(events: Ids) -> Ids:
    """Group events by customer, written so that SQLite reads them by name and time rather than all of them by customer."""
    customer_id = schema.event.c.customer_id + literal_column("0")
    return events.with_only_columns(customer_id).group_by(customer_id)


def measured(groups: Ids, measure: Any, op: Op, value: int) -> Truth:
    """Compare what is measured of the events of each customer; without events it is 0.

    Where 0 fits, those for whom it fits not are asked for.
    """
    fits_zero = bool(ORDER[op](0, value))
    fits = ORDER[op](measure, value)
    customers = among(each_customer(groups).having(not_(fits) if fits_zero else fits))
    return not_(customers) if fits_zero else customers


def touched(events: Occurrences) -> Touches:
    """Return what can change them; time can, for an event may be dated a little after now."""
    return Touches(events=frozenset({events.name}), time=True)


def matching(events: Occurrences, history: History) -> list[PastEvent]:
    """Return the events of a history that fit, seen now or not, by their times."""
    bare = (PastEvent(name=events.name, at=at) for at in history.times.get(events.name, ()))
    fitting = [
        one
        for one in (*history.events, *bare)
        if one.name == events.name
        and (events.since is None or one.at >= events.since)
        and (events.until is None or one.at < events.until)
        and fits(one, events.where)
    ]
    return sorted(fitting, key=lambda one: one.at)


def fits(event: PastEvent, where: Iterable[Field]) -> bool:
    """Tell whether the fields of an event compare as they are to."""
    return all(compare(field_of(event, one.name), one.op, one.value) for one in where)


def times_of(events: Occurrences) -> Callable[[History], Sequence[int]]:
    """Return how to find the times of the events of a history that fit, seen now or not, in order."""
    name, is_any = events.name, not events.where and events.since is None and events.until is None

    def times(history: History) -> Sequence[int]:
        if is_any and not history.events:
            return history.times.get(name, ())
        return [one.at for one in matching(events, history)]

    return times


def seen(events: Occurrences, history: History, now: int) -> list[PastEvent]:
    """Return the events of a history that are seen at `now`, by their times."""
    return [
        one
        for one in matching(events, history)
        if one.at <= now and (events.within is None or one.at > now - events.within)
    ]


@attrs.frozen(kw_only=True)
class Spell:
    """From `start` on, the events `low` to `high` (not included) of the matching ones are seen."""

    start: int
    low: int
    high: int


def spells(within: int | None, times: Sequence[int], now: int) -> Iterator[Spell]:
    """Yield what of the events of these times, in order, is seen now, then each time at which that changes."""
    leaving = [] if within is None else [at + within for at in times]
    for start in (now, *sorted({at for at in (*times, *leaving) if now < at < INT64})):
        low = 0 if within is None else bisect_right(times, start - within)
        yield Spell(start=start, low=low, high=max(low, bisect_right(times, start)))


def dated(event: PastEvent) -> int:
    """An event that is known is seen from its time on."""
    return event.at


def turnover(within: int | None, past: Iterable[PastEvent], now: int, seen_from: SeenFrom = dated) -> Turnover:
    """Yield (start, events newly seen, events dropped) now and of each later time; all that is seen now is new in the first."""
    seen_now: list[PastEvent] = []
    entered, left = {now: seen_now}, dict[int, list[PastEvent]]()
    for one in past:
        start, end = seen_from(one), INT64 if within is None else one.at + within
        if end > now and end > start:
            (seen_now if start <= now else entered.setdefault(start, [])).append(one)
            if end < INT64:
                left.setdefault(end, []).append(one)
    for start in sorted(entered.keys() | left.keys()):
        yield start, entered.get(start, ()), left.get(start, ())


def until_first_flip(
    course: Callable[[History, Measuring, int, SeenFrom], Course],
) -> Callable[[History, Measuring, int], int | None]:
    """Return the `next_change` of a leaf that has a course."""
    return lambda history, leaf, now: first_flip(course(history, leaf, now, dated), lambda answer: answer)


def first_flip(measures: Iterable[tuple[int, Measured]], fits: Callable[[Measured], object]) -> int | None:
    """Return the first time at which what is measured fits otherwise than at the very first."""
    answers = ((start, fits(measure)) for start, measure in measures)
    _, now = next(answers)
    return next((start for start, answer in answers if answer != now), None)


def _field_sql(field: Field, row: Any, dialect: str) -> Truth:
    if field.name in HOT:
        return _hot_field_sql(field, row[field.name], HOT[field.name])
    json = row.properties
    match field.op:
        case Op.EXISTS:
            return properties.exists(dialect, json, field.name)
        case Op.NULL:
            return properties.is_null(dialect, json, field.name)
        case Op.IN:
            return one_of(field.value, lambda kind, some: _of_kind(field, row, dialect, kind, lambda it: it.in_(some)))
    kind = kind_of(field.value)  # type: ignore[arg-type]  # one value: `in` is dealt with
    return _of_kind(field, row, dialect, kind, lambda it: compared(field.op, it, field.value))


def _of_kind(field: Field, row: Any, dialect: str, kind: str, truth: Callable[[Any], Truth]) -> Truth:
    """Say something of a property, where it is of the kind."""
    is_kind = properties.is_kind(dialect, row.properties, field.name, kind)
    return properties.guarded(is_kind, truth(properties.value(dialect, row.properties, field.name, kind)))


def _hot_field_sql(field: Field, column: Any, kind: str) -> Truth:
    match field.op:
        case Op.EXISTS:
            return column.is_not(None)  # type: ignore[no-any-return]  # a comparison of a column
        case Op.NULL:
            return false()
        case Op.IN:
            some = [number_of(one) if kind != "text" else one for one in field.value if kind_of(one) == kind]  # type: ignore[union-attr]  # `in` has several
            return and_(column.is_not(None), column.in_(some))
    if kind_of(field.value) != kind:  # type: ignore[arg-type]  # one value: `in` is dealt with
        return false()
    return and_(column.is_not(None), compared(field.op, column, field.value))


def field_of(event: PastEvent, name: str) -> object:
    """Return the value of a field of an event: a hot column, else a property; MISSING where there is none."""
    if name not in HOT:
        return value_in(event.properties, name, MISSING)
    value = getattr(event, name)
    if value is None:
        return MISSING
    return unscaled(value) if name == "quantity" else value


def _fitting(at: int) -> int:
    """Return a time that a store can hold, on the same side of all events."""
    return max(-INT64, min(at, INT64 - 1))
