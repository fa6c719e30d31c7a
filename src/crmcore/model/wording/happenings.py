"""Conditions on events: `did`, `sum of`, `least`, `greatest`, `distinct`, `first` and `last`."""

from __future__ import annotations

from typing import Any

import attrs

from crmcore.model.condition import (
    Condition,
    Count,
    Distinct,
    Extreme,
    Field,
    Followed,
    Moment,
    Occurrences,
    Op,
    Sum,
)
from crmcore.model.wording import literals, naming, timing
from crmcore.model.wording.comparing import sign
from crmcore.model.wording.cursor import Cursor
from crmcore.model.wording.occurring import limited, occurrences
from crmcore.model.wording.words import SIGNS, WINDOW

Said = dict[str, Any]


def did(cursor: Cursor) -> Condition:
    """`did order_placed >= 3 times within 365d`, `did not order_placed`, `did cart_updated then order_placed within 7d`."""
    if cursor.take("not"):
        return Count(events=limited(cursor, occurrences(cursor), WINDOW), op=Op.EQ, value=0)
    events = occurrences(cursor)
    if cursor.said() in SIGNS:
        op, value = sign(cursor), literals.integer(cursor)
        if cursor.at("times", "time"):
            cursor.next()
        return Count(events=limited(cursor, events, WINDOW), op=op, value=value)
    events = limited(cursor, events, WINDOW)
    return _followed(cursor, events) if cursor.take("then") else Count(events=events, op=Op.GE, value=1)


def _followed(cursor: Cursor, first: Occurrences) -> Condition:
    then = occurrences(cursor)
    if not cursor.take("within"):
        raise cursor.unexpected("`within` and how long after, as in within 7d")
    return Followed(first=first, then=then, within=timing.span(cursor))


def total(cursor: Cursor) -> Condition:
    """`sum of amount of order_placed >= 100.00 EUR`, `sum of quantity of item_ordered >= 5`."""
    cursor.need("of")
    if not cursor.at("amount", "quantity"):
        raise cursor.unexpected("`amount` or `quantity`")
    field: Any = cursor.said()
    cursor.next()
    cursor.need("of")
    events = occurrences(cursor)
    named = literals.currency(cursor) if cursor.take("in") else None
    op = sign(cursor)
    value, currency = literals.amount(cursor, named) if field == "amount" else (literals.millionths(cursor), named)
    return Sum(events=limited(cursor, events, WINDOW), field=field, op=op, value=value, currency=currency)


def least(cursor: Cursor) -> Condition:
    """`least price of item_ordered > 5`."""
    return Extreme(which="min", **_extreme(cursor))


def greatest(cursor: Cursor) -> Condition:
    """`greatest amount of order_placed >= 100.00 EUR`."""
    return Extreme(which="max", **_extreme(cursor))


def _extreme(cursor: Cursor) -> Said:
    field, events = _field_of(cursor)
    op = sign(cursor)
    if field != "amount":
        value = literals.millionths(cursor)
        return {"events": limited(cursor, events, WINDOW), "field": field, "op": op, "value": value}
    value, currency = literals.amount(cursor, None)
    events = limited(cursor, events, WINDOW)
    if currency is not None:
        only = Field(name="currency", op=Op.EQ, value=currency)
        events = attrs.evolve(events, where=(*events.where, only))
    return {"events": events, "field": field, "op": op, "value": value}


def distinct(cursor: Cursor) -> Condition:
    """`distinct item of order_placed >= 3`."""
    field, events = _field_of(cursor)
    op, value = sign(cursor), literals.integer(cursor)
    return Distinct(events=limited(cursor, events, WINDOW), field=field, op=op, value=value)


def _field_of(cursor: Cursor) -> tuple[str, Occurrences]:
    field = naming.field_name(cursor)
    cursor.need("of")
    return field, occurrences(cursor)


def first(cursor: Cursor) -> Condition:
    """`first order_placed before 2026-01-01`."""
    return Moment(which="first", **_moment(cursor))


def last(cursor: Cursor) -> Condition:
    """`last order_placed within 30d`, `last order_placed older than 30d`."""
    return Moment(which="last", **_moment(cursor))


def _moment(cursor: Cursor) -> Said:
    events = occurrences(cursor)
    said = _when(cursor)
    return {"events": limited(cursor, events, ("where",)), **said}


def _when(cursor: Cursor) -> Said:
    if cursor.take("within"):
        return {"op": Op.GT, "age": timing.span(cursor)}
    if cursor.take("older"):
        cursor.need("than")
        return {"op": Op.LE, "age": timing.span(cursor)}
    if cursor.take("before"):
        return {"op": Op.LT, "at": timing.moment(cursor)}
    if cursor.take("since"):
        return {"op": Op.GE, "at": timing.moment(cursor)}
    if cursor.said() not in SIGNS:
        expected = (
            "`within 30d`, `older than 30d`, `before 2026-01-31`, `since 2026-01-31`, or a comparison with a time"
        )
        raise cursor.unexpected(expected)
    return {"op": sign(cursor), **_ago_or_at(cursor)}


def _ago_or_at(cursor: Cursor) -> Said:
    token = cursor.peek()
    if token.kind not in ("span", "number"):
        return {"at": timing.moment(cursor)}
    found = timing.span(cursor)
    if cursor.take("ago"):
        return {"age": found}
    if token.raw.endswith("us"):
        return {"at": found}
    raise cursor.unexpected("`ago`")
