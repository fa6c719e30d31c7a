"""Conditions on events as plain data, and back.

`{"event": "order_placed", "count": true, "is": ">=", "value": 3, "within": "365d"}`; beside `count` there are `sum`, `min`, `max`
and `distinct` of a field, `when` (first or last, with `at` or `age`), and `then` (events as here, within `then_within`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from crmcore.errors import InvalidCondition
from crmcore.model import condition as tree
from crmcore.model.condition import Condition, Occurrences, Op
from crmcore.model.names import checked_name
from crmcore.model.time import duration
from crmcore.store.plain_nodes import (
    Plain,
    ValueNode,
    compared_data,
    comparison,
    millionths,
    moment_data,
    moment_of,
    order_of,
    structured,
    whole,
)

OnEvents = tree.Count | tree.Sum | tree.Extreme | tree.Distinct | tree.Moment | tree.Followed


@attrs.frozen(kw_only=True)
class _Occurrences:
    """The fields that say which events are meant."""

    event: str
    within: Any = None
    since: Any = None
    until: Any = None
    where: list[dict[str, Any]] = attrs.field(factory=list)


@attrs.frozen(kw_only=True)
class _EventNode(_Occurrences):
    """The fields a node about events may have."""

    count: bool = False
    sum: str | None = None
    min: str | None = None
    max: str | None = None
    distinct: str | None = None
    when: str | None = None
    then: dict[str, Any] | None = None
    op: str = ">="
    value: Any = None
    currency: str | None = None
    age: Any = None
    at: Any = None
    then_within: Any = None


def to_data(condition: OnEvents) -> Plain:
    """Return a condition on events as plain data."""
    if isinstance(condition, tree.Followed):
        said = {"then": _occurrences_data(condition.then), "then_within": condition.within}
        return _occurrences_data(condition.first) | said
    said = _SAID[type(condition)](condition) | {"is": condition.op.value}
    return _occurrences_data(condition.events) | {key: value for key, value in said.items() if value is not None}


def _occurrences_data(events: Occurrences) -> Plain:
    window = {
        "event": events.name,
        "within": events.within,
        "since": moment_data(events.since),
        "until": moment_data(events.until),
        "where": [field_data(one) for one in events.where] or None,
    }
    return {key: value for key, value in window.items() if value is not None}


def field_data(field: tree.Field) -> Plain:
    """Return the comparison of a field of an event as plain data."""
    return {"field": field.name, **compared_data(field.op, field.value, field.name)}


def _moment_data(condition: tree.Moment) -> Plain:
    return {"when": condition.which, "at": moment_data(condition.at), "age": condition.age}


def _sum_data(condition: tree.Sum) -> Plain:
    return {"sum": condition.field, "value": _number_data(condition), "currency": condition.currency}


def _extreme_data(condition: tree.Extreme) -> Plain:
    return {condition.which: condition.field, "value": _number_data(condition)}


def _number_data(condition: tree.Sum | tree.Extreme) -> int | Plain:
    return condition.value if condition.field == "amount" else {"$decimal": condition.value}


_SAID: dict[type[Any], Callable[[Any], Plain]] = {
    tree.Count: lambda one: {"count": True, "value": one.value},
    tree.Sum: _sum_data,
    tree.Extreme: _extreme_data,
    tree.Distinct: lambda one: {"distinct": one.field, "value": one.value},
    tree.Moment: _moment_data,
}


def to_tree(plain: Mapping[str, Any], place: str) -> Condition:
    """Return the condition of a node about events; raise InvalidCondition naming the path."""
    node: _EventNode = structured(plain, _EventNode, {"is": "op"}, place)
    asked = [word for word in _ASKED if getattr(node, word)]
    if len(asked) != 1:
        problem = "say one of count = true, sum, min, max or distinct = FIELD, when = first or last, then = EVENTS"
        raise InvalidCondition(place=place, problem=problem)
    return _ASKED[asked[0]](node, _occurrences(node, place), order_of(node.op, place), place)


def _occurrences(node: _Occurrences, place: str) -> Occurrences:
    return Occurrences(
        name=checked_name(node.event, "event", place),
        within=None if node.within is None else duration(node.within, f"{place}.within"),
        since=moment_of(node.since, f"{place}.since"),
        until=moment_of(node.until, f"{place}.until"),
        where=tuple(field_of(one, f"{place}.where[{index}]") for index, one in enumerate(node.where)),
    )


def field_of(plain: Mapping[str, Any], place: str) -> tree.Field:
    """Return the comparison of a field of an event; raise InvalidCondition."""
    node: ValueNode = structured(plain, ValueNode, {"field": "name", "is": "op"}, place)
    op, value = comparison(node, place)
    return tree.Field(name=node.name, op=op, value=value)


def _count(node: _EventNode, events: Occurrences, op: Op, place: str) -> Condition:
    return tree.Count(events=events, op=op, value=whole(node.value, place))


def _sum(node: _EventNode, events: Occurrences, op: Op, place: str) -> Condition:
    if node.sum not in ("amount", "quantity"):
        raise InvalidCondition(place=place, problem=f"{node.sum!r} is neither amount nor quantity")
    return tree.Sum(
        events=events,
        field=node.sum,  # type: ignore[arg-type]  # one of the two
        op=op,
        value=_number(node, node.sum, place),
        currency=node.currency,
    )


def _min(node: _EventNode, events: Occurrences, op: Op, place: str) -> Condition:
    return tree.Extreme(events=events, which="min", field=str(node.min), op=op, value=_number(node, node.min, place))


def _max(node: _EventNode, events: Occurrences, op: Op, place: str) -> Condition:
    return tree.Extreme(events=events, which="max", field=str(node.max), op=op, value=_number(node, node.max, place))


def _number(node: _EventNode, field: str | None, place: str) -> int:
    return whole(node.value, place) if field == "amount" else millionths(node.value, place)


def _distinct(node: _EventNode, events: Occurrences, op: Op, place: str) -> Condition:
    return tree.Distinct(events=events, field=str(node.distinct), op=op, value=whole(node.value, place))


def _when(node: _EventNode, events: Occurrences, op: Op, place: str) -> Condition:
    if node.when not in ("first", "last") or (node.at is None) == (node.age is None):
        raise InvalidCondition(place=place, problem="say when = first or last, and one of at and age")
    age = None if node.age is None else duration(node.age, f"{place}.age")
    which: Any = node.when
    return tree.Moment(events=events, which=which, op=op, at=moment_of(node.at, f"{place}.at"), age=age)


def _then(node: _EventNode, events: Occurrences, _op: Op, place: str) -> Condition:
    later: _Occurrences = structured(node.then or {}, _Occurrences, {}, f"{place}.then")
    if node.then_within is None:
        raise InvalidCondition(place=place, problem="say then_within, as in '7d'")
    within = duration(node.then_within, f"{place}.then_within")
    return tree.Followed(first=events, then=_occurrences(later, f"{place}.then"), within=within)


_ASKED: dict[str, Callable[[_EventNode, Occurrences, Op, str], Condition]] = {
    "count": _count,
    "sum": _sum,
    "min": _min,
    "max": _max,
    "distinct": _distinct,
    "when": _when,
    "then": _then,
}
