"""Which events are meant: a name, and `within`, `between`, `since`, `until` and `where` after it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

import attrs

from crmcore.model.condition import ORDER, Field, Occurrences, Op
from crmcore.model.wording import literals, naming, timing
from crmcore.model.wording.comparing import comparison
from crmcore.model.wording.cursor import Cursor
from crmcore.model.wording.words import WINDOW


def occurrences(cursor: Cursor) -> Occurrences:
    """Return the events of a name; in parentheses, with what limits them."""
    if not cursor.take("("):
        return Occurrences(name=naming.name(cursor, "event"))
    found = limited(cursor, Occurrences(name=naming.name(cursor, "event")), WINDOW)
    if not cursor.take(")"):
        raise cursor.unexpected("`)`")
    return found


def limited(cursor: Cursor, events: Occurrences, allowed: Iterable[str]) -> Occurrences:
    """Return the events as far as what follows limits them, by these words."""
    while cursor.at(*allowed):
        token = cursor.next()
        changes = _LIMITS[token.raw.lower()](cursor)
        if any(getattr(events, name) not in (None, ()) for name in changes):
            raise cursor.refused(token, f"{token} is more than was left to say of these events")
        with cursor.placed(token):
            events = attrs.evolve(events, **changes)
    return events


def _within(cursor: Cursor) -> dict[str, Any]:
    return {"within": timing.span(cursor)}


def _between(cursor: Cursor) -> dict[str, Any]:
    since = timing.moment(cursor)
    cursor.need("and")
    return {"since": since, "until": timing.moment(cursor)}


def _where(cursor: Cursor) -> dict[str, Any]:
    if not cursor.take("("):
        found = field(cursor)
        _refuse_ambiguous(cursor)
        return {"where": found}
    fields = [*field(cursor)]
    while cursor.take("and"):
        fields += field(cursor)
    if not cursor.take(")"):
        raise cursor.unexpected("`and` or `)`")
    return {"where": tuple(fields)}


_LIMITS: dict[str, Callable[[Cursor], dict[str, Any]]] = {
    "within": _within,
    "between": _between,
    "since": lambda cursor: {"since": timing.moment(cursor)},
    "until": lambda cursor: {"until": timing.moment(cursor)},
    "where": _where,
}


def field(cursor: Cursor) -> tuple[Field, ...]:
    """Return the comparison of a field; of an amount with money, that of the currency beside it."""
    token = cursor.peek()
    name = naming.field_name(cursor)
    number = cursor.peek(1)
    op, value = comparison(cursor)
    if name == "amount" and op in ORDER and type(value) in (int, Decimal) and literals.is_currency_next(cursor):
        code = literals.currency(cursor)
        minor = literals.minor(cursor, number, value, code)  # type: ignore[arg-type]  # a number, as just asked
        return Field(name=name, op=op, value=minor), Field(name="currency", op=Op.EQ, value=code)
    with cursor.placed(token):
        return (Field(name=name, op=op, value=value),)


def _refuse_ambiguous(cursor: Cursor) -> None:
    """After `where a > 1 and b = 2`, nobody knows whether b is the event's or the customer's."""
    after = cursor.peek(1) if cursor.at("and", "or") else None
    if after is not None and (after.kind == "text" or (after.kind == "word" and not naming.is_reserved(after.raw))):
        problem = (
            f"is {after} the event's or the customer's? write where (... and ...) for fields of the event, "
            f"or parentheses around the whole condition that ends before `{cursor.said()}`"
        )
        raise cursor.refused(after, problem)
