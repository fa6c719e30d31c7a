"""The least and greatest number a field has over events, and how many different texts."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from decimal import Decimal
from typing import Any

from sqlalchemy import func

from crmcore.model.condition import HOT, Distinct, Extreme
from crmcore.model.fields import value_in
from crmcore.model.history import History, PastEvent
from crmcore.model.values import INT64, SCALE, scaled
from crmcore.rules.comparing import ORDER
from crmcore.rules.leaf import Course, LeafRule, SeenFrom, Truth, among
from crmcore.rules.occurrences import (
    each_customer,
    found,
    matching,
    measured,
    seen,
    touched,
    turnover,
    until_first_flip,
)
from crmcore.store import properties, schema
from crmcore.store.scope import Scope


def _extreme_sql(scope: Scope, leaf: Extreme) -> Truth:
    number = _column(scope, leaf.field, properties.number)
    measure = func.min(number) if leaf.which == "min" else func.max(number)
    groups = each_customer(found(leaf.events, scope))
    return among(groups.having(ORDER[leaf.op](measure, leaf.value)))


def _distinct_sql(scope: Scope, leaf: Distinct) -> Truth:
    text = _column(scope, leaf.field, properties.text)
    return measured(found(leaf.events, scope), func.count(text.distinct()), leaf.op, leaf.value)


def _column(scope: Scope, field: str, of_property: Any) -> Any:
    row = schema.event.c
    return row[field] if field in HOT else of_property(scope.connection.dialect.name, row.properties, field)


def number_in(event: PastEvent, field: str) -> int | None:
    """Return the number that a field of an event has, as `Extreme` compares it; None where it has none."""
    if field in HOT:
        return event.amount if field == "amount" else event.quantity
    value: object = value_in(event.properties, field)
    if isinstance(value, Decimal):
        return scaled(value)
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    times: int = value * 10**SCALE
    return max(-INT64, min(times, INT64 - 1))


def text_in(event: PastEvent, field: str) -> str | None:
    """Return the text that a field of an event has; None where it has none."""
    value = getattr(event, field) if field in HOT else value_in(event.properties, field)
    return value if isinstance(value, str) else None


def _extreme_holds(history: History, leaf: Extreme, now: int) -> bool:
    values = [number for one in seen(leaf.events, history, now) if (number := number_in(one, leaf.field)) is not None]
    return bool(values) and _fits(leaf, min(values) if leaf.which == "min" else max(values))


def _fits(leaf: Extreme, extreme: int | None) -> bool:
    return extreme is not None and bool(ORDER[leaf.op](extreme, leaf.value))


def _extreme_course(history: History, leaf: Extreme, now: int, seen_from: SeenFrom) -> Course:
    past = [one for one in matching(leaf.events, history) if number_in(one, leaf.field) is not None]
    values: list[int] = []
    for start, entered, left in turnover(leaf.events.within, past, now, seen_from):
        for one in entered:
            insort(values, number_in(one, leaf.field) or 0)
        for one in left:
            del values[bisect_left(values, number_in(one, leaf.field) or 0)]
        yield start, _fits(leaf, None if not values else values[0 if leaf.which == "min" else -1])


def _distinct_holds(history: History, leaf: Distinct, now: int) -> bool:
    texts = {text_in(one, leaf.field) for one in seen(leaf.events, history, now)} - {None}
    return bool(ORDER[leaf.op](len(texts), leaf.value))


def _distinct_course(history: History, leaf: Distinct, now: int, seen_from: SeenFrom) -> Course:
    texts = Counter[str]()
    past = [one for one in matching(leaf.events, history) if text_in(one, leaf.field) is not None]
    for start, entered, left in turnover(leaf.events.within, past, now, seen_from):
        texts.update(text_in(one, leaf.field) or "" for one in entered)
        for text in (text_in(one, leaf.field) or "" for one in left):
            texts[text] -= 1
            if not texts[text]:
                del texts[text]
        yield start, bool(ORDER[leaf.op](len(texts), leaf.value))


EXTREME = LeafRule[Extreme](
    sql=_extreme_sql,
    holds=_extreme_holds,
    touches=lambda leaf: touched(leaf.events),
    next_change=until_first_flip(_extreme_course),
    course=_extreme_course,
)
DISTINCT = LeafRule[Distinct](
    sql=_distinct_sql,
    holds=_distinct_holds,
    touches=lambda leaf: touched(leaf.events),
    next_change=until_first_flip(_distinct_course),
    course=_distinct_course,
)
