"""Conditions on events as text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from crmcore.errors import InvalidCondition
from crmcore.model.condition import (
    CURRENCY,
    ORDER,
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
from crmcore.model.money import is_currency
from crmcore.model.wording.writing import compared, field_named, millionths, money, named, sign, span, when

EXTREMES = {"min": "least", "max": "greatest"}
DID = {(Op.GE, 1): "did", (Op.EQ, 0): "did not"}


def happening(leaf: Any) -> str:
    """Return the text of a condition on events."""
    return _LEAVES[type(leaf)](leaf)


def _count(leaf: Count) -> str:
    if did := DID.get((leaf.op, leaf.value)):
        return f"{did} {named(leaf.events.name)}{_limits(leaf.events)}"
    return f"did {named(leaf.events.name)} {sign(leaf.op)} {leaf.value} times{_limits(leaf.events)}"


def _sum(leaf: Sum) -> str:
    what = f"sum of {leaf.field} of {named(leaf.events.name)}"
    if leaf.field == "amount":
        return f"{what} {sign(leaf.op)} {money(leaf.value, leaf.currency)}{_limits(leaf.events)}"
    only = "" if leaf.currency is None else f" in {leaf.currency}"
    return f"{what}{only} {sign(leaf.op)} {millionths(leaf.value)}{_limits(leaf.events)}"


def _extreme(leaf: Extreme) -> str:
    what = f"{EXTREMES[leaf.which]} {field_named(leaf.field)} of {named(leaf.events.name)} {sign(leaf.op)}"
    if leaf.field != "amount":
        return f"{what} {millionths(leaf.value)}{_limits(leaf.events)}"
    *others, last = leaf.events.where or (None,)
    if last is None or not _names_currency(last):
        return f"{what} {money(leaf.value, None)}{_limits(leaf.events)}"
    events = attrs.evolve(leaf.events, where=tuple(others))
    return f"{what} {money(leaf.value, str(last.value))}{_limits(events)}"


def _distinct(leaf: Distinct) -> str:
    what = f"distinct {field_named(leaf.field)} of {named(leaf.events.name)}"
    return f"{what} {sign(leaf.op)} {leaf.value}{_limits(leaf.events)}"


def _moment(leaf: Moment) -> str:
    return f"{leaf.which} {_events(leaf.events)} {_when(leaf)}"


def _when(leaf: Moment) -> str:
    if leaf.at is not None:
        words = {Op.LT: "before", Op.GE: "since"}
        return f"{words.get(leaf.op) or sign(leaf.op)} {when(leaf.at)}"
    if leaf.age is None:
        raise InvalidCondition(place=leaf.events.name, problem="neither a time nor an age is given")
    words = {Op.GT: "within", Op.LE: "older than"}
    word = words.get(leaf.op)
    return f"{word} {span(leaf.age)}" if word else f"{sign(leaf.op)} {span(leaf.age)} ago"


def _followed(leaf: Followed) -> str:
    return f"did {_events(leaf.first)} then {_events(leaf.then)} within {span(leaf.within)}"


def _events(events: Occurrences) -> str:
    limits = _limits(events)
    return f"({named(events.name)}{limits})" if limits else named(events.name)


def _limits(events: Occurrences) -> str:
    parts = [] if events.within is None else [f"within {span(events.within)}"]
    parts += _between(events)
    if events.where:
        parts.append(f"where ({' and '.join(_fields(events.where))})")
    return "".join(f" {part}" for part in parts)


def _between(events: Occurrences) -> list[str]:
    if events.since is not None and events.until is not None:
        return [f"between {when(events.since)} and {when(events.until)}"]
    if events.since is not None:
        return [f"since {when(events.since)}"]
    return [] if events.until is None else [f"until {when(events.until)}"]


def _fields(where: tuple[Field, ...]) -> list[str]:
    """Return the comparisons of fields; an amount with its currency behind it is money."""
    parts: list[str] = []
    left = list(reversed(where))
    while left:
        one = left.pop()
        if left and _is_amount(one) and _names_currency(left[-1]):
            parts.append(f"{one.name} {sign(one.op)} {money(int(str(one.value)), str(left.pop().value))}")
        else:
            parts.append(compared(field_named(one.name), one.op, one.value))
    return parts


def _is_amount(field: Field) -> bool:
    return field.name == "amount" and field.op in ORDER and type(field.value) is int


def _names_currency(field: Field) -> bool:
    code = field.value
    return field.name == "currency" and field.op is Op.EQ and is_currency(code) and bool(CURRENCY.fullmatch(str(code)))


_LEAVES: dict[type[Any], Callable[[Any], str]] = {
    Count: _count,
    Sum: _sum,
    Extreme: _extreme,
    Distinct: _distinct,
    Moment: _moment,
    Followed: _followed,
}
