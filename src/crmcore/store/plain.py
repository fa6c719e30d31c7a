"""Conditions as plain data for JSON and TOML, and back; an error names the path in the tree.

A node is a table; its first word says what it is: all, any, not, everyone, attribute, tag, event, consent, subscribed,
rule. `{"event": "order_placed", "count": true, "is": ">=", "value": 3, "within": "365d"}`.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import attrs

from crmcore.errors import InputError, InvalidCondition
from crmcore.model import condition as tree
from crmcore.model.building import checked_value
from crmcore.model.condition import Condition, Op
from crmcore.model.names import checked_name
from crmcore.model.statement import ANY_CHANNEL
from crmcore.model.time import duration, iso, microseconds
from crmcore.model.values import from_plain, normalise, to_plain
from crmcore.model.verbs import purpose_of

if TYPE_CHECKING:
    from cattrs import Converter

Plain = dict[str, Any]


@attrs.frozen(kw_only=True)
class _EventNode:
    """The fields a node about events may have."""

    event: str
    count: bool = False
    sum: str | None = None
    when: str | None = None
    op: str = ">="
    value: Any = None
    currency: str | None = None
    age: Any = None
    at: Any = None
    within: Any = None
    since: Any = None
    until: Any = None
    where: list[dict[str, Any]] = attrs.field(factory=list)


@attrs.frozen(kw_only=True)
class _ValueNode:
    """The fields a node about one value may have."""

    name: str
    op: str = "=="
    value: Any = None


@attrs.frozen(kw_only=True)
class _SaidNode:
    """The fields a node about a consent or a wish may have."""

    about: str
    channel: str = ANY_CHANNEL


@attrs.frozen(kw_only=True)
class _RuleNode:
    """The fields a plugin's node may have."""

    rule: str
    params: dict[str, Any] = attrs.field(factory=dict)


def to_tree(plain: Mapping[str, Any], place: str = "condition") -> Condition:
    """Return the condition of plain data; raise InvalidCondition naming the path."""
    if not isinstance(plain, Mapping):
        raise InvalidCondition(place=place, problem=f"{plain!r} is no table")
    kind = next((name for name in _READ if name in plain), None)
    if kind is None:
        given = next(iter(plain), "")
        near = difflib.get_close_matches(str(given), _READ, 1)
        meant = f"; did you mean {near[0]}?" if near else ""
        problem = f"{given!r} is no condition; known are {', '.join(_READ)}{meant}"
        raise InvalidCondition(place=place, problem=problem)
    try:
        return _READ[kind](plain, f"{place}.{kind}")
    except InvalidCondition:
        raise
    except InputError as error:
        raise InvalidCondition(place=f"{place}.{kind}", problem=str(error)) from error


def to_data(condition: Condition) -> Plain:  # noqa: PLR0911 - one line a node
    """Return a condition as plain data that JSON and TOML can hold; `to_tree` gives the condition back."""
    match condition:
        case tree.All(of=of):
            return {"all": [to_data(inner) for inner in of]}
        case tree.AnyOf(of=of):
            return {"any": [to_data(inner) for inner in of]}
        case tree.Not(of=inner):
            return {"not": to_data(inner)}
        case tree.Everyone():
            return {"everyone": True}
        case tree.Attribute():
            return {"attribute": condition.name, **_compared(condition)}
        case tree.Tag():
            return {"tag": condition.name}
        case tree.Consented():
            return {"consent": condition.purpose.value, "channel": condition.channel}
        case tree.Subscribed():
            return {"subscribed": condition.topic, "channel": condition.channel}
        case tree.PluginRule():
            return {"rule": condition.rule, "params": to_plain(condition.params, "params")}
        case _:
            return _event_data(condition)


def _event_data(condition: tree.Count | tree.Sum | tree.Moment) -> Plain:
    events = condition.events
    window = {
        "within": events.within,
        "since": None if events.since is None else iso(events.since),
        "until": None if events.until is None else iso(events.until),
        "where": [{"field": one.name, **_compared(one)} for one in events.where] or None,
    }
    match condition:
        case tree.Count():
            said: Plain = {"count": True, "is": condition.op.value, "value": condition.value}
        case tree.Sum():
            said = {"sum": condition.field, "is": condition.op.value, "value": condition.value}
            said |= {"currency": condition.currency}
        case tree.Moment():
            at = None if condition.at is None else iso(condition.at)
            said = {"when": condition.which, "is": condition.op.value, "at": at, "age": condition.age}
    return {"event": events.name} | {key: value for key, value in (said | window).items() if value is not None}


def _compared(condition: tree.Attribute | tree.Field) -> Plain:
    if condition.op in (Op.EXISTS, Op.NULL):
        return {"is": condition.op.value}
    return {"is": condition.op.value, "value": to_plain(condition.value, condition.name)}


@lru_cache(maxsize=1)
def strict_converter() -> Converter:
    """Return a converter that refuses unknown fields and turns no value into another type."""
    from cattrs import Converter

    converter = Converter(forbid_extra_keys=True)
    for kind in (str, bool):
        converter.register_structure_hook(kind, _as_it_is)
    return converter


def _as_it_is(value: Any, kind: type[Any]) -> Any:
    """Nothing is coerced: a number is no text."""
    if type(value) is not kind:
        raise TypeError(f"{value!r} is no {kind.__name__}")
    return value


def _structured(plain: Mapping[str, Any], kind: type[Any], renamed: Mapping[str, str], place: str) -> Any:
    from cattrs import transform_error

    fields = {renamed.get(key, key): value for key, value in plain.items()}
    unknown = sorted(set(fields) - {field.name for field in attrs.fields(kind)})
    if unknown:
        known = [{value: key for key, value in renamed.items()}.get(f.name, f.name) for f in attrs.fields(kind)]
        near = difflib.get_close_matches(unknown[0], known, 1)
        meant = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
        raise InvalidCondition(place=place, problem=f"{unknown[0]!r} does not belong here; {meant}")
    try:
        return strict_converter().structure(fields, kind)
    except Exception as error:
        raise InvalidCondition(place=place, problem="; ".join(transform_error(error))) from error


def _many(kind: type[tree.All | tree.AnyOf], word: str) -> Callable[[Mapping[str, Any], str], Condition]:
    def read(plain: Mapping[str, Any], place: str) -> Condition:
        inner = plain[word]
        if not isinstance(inner, list | tuple) or len(plain) > 1:
            raise InvalidCondition(place=place, problem="it takes one list of conditions and nothing else")
        return kind(of=tuple(to_tree(one, f"{place}[{index}]") for index, one in enumerate(inner)))

    return read


def _not(plain: Mapping[str, Any], place: str) -> Condition:
    if len(plain) > 1:
        raise InvalidCondition(place=place, problem="it takes one condition and nothing else")
    return tree.Not(of=to_tree(plain["not"], place))


def _attribute(plain: Mapping[str, Any], place: str) -> Condition:
    node: _ValueNode = _structured(plain, _ValueNode, {"attribute": "name", "is": "op"}, place)
    op, value = _comparison(node, place)
    return tree.Attribute(name=checked_name(node.name, "attribute", place), op=op, value=value)


def _field(plain: Mapping[str, Any], place: str) -> tree.Field:
    node: _ValueNode = _structured(plain, _ValueNode, {"field": "name", "is": "op"}, place)
    op, value = _comparison(node, place)
    return tree.Field(name=node.name, op=op, value=value)


def _comparison(node: _ValueNode, place: str) -> tuple[Op, Any]:
    op = _op(node.op, place)
    if op in (Op.EXISTS, Op.NULL):
        return op, None
    if op is Op.IN:
        if not isinstance(node.value, list | tuple):
            raise InvalidCondition(place=place, problem="`in` needs a list of values")
        return op, tuple(_value(one, place) for one in node.value)
    return op, checked_value(op, _value(node.value, place), place)


def _value(plain: Any, place: str) -> Any:
    return normalise(from_plain(plain), place)


def _op(word: str, place: str) -> Op:
    try:
        return Op(word)
    except ValueError as error:
        raise InvalidCondition(place=place, problem=f"{word!r} is none of {', '.join(Op)}") from error


def _tag(plain: Mapping[str, Any], place: str) -> Condition:
    node: _ValueNode = _structured(plain, _ValueNode, {"tag": "name"}, place)
    return tree.Tag(name=checked_name(node.name, "tag", place))


def _everyone(plain: Mapping[str, Any], place: str) -> Condition:
    if plain != {"everyone": True}:
        raise InvalidCondition(place=place, problem="write everyone = true and nothing else")
    return tree.Everyone()


def _consent(plain: Mapping[str, Any], place: str) -> Condition:
    node: _SaidNode = _structured(plain, _SaidNode, {"consent": "about"}, place)
    return tree.Consented(purpose=purpose_of(node.about, place), channel=node.channel)


def _subscribed(plain: Mapping[str, Any], place: str) -> Condition:
    node: _SaidNode = _structured(plain, _SaidNode, {"subscribed": "about"}, place)
    return tree.Subscribed(topic=checked_name(node.about, "topic", place), channel=node.channel)


def _rule(plain: Mapping[str, Any], place: str) -> Condition:
    node: _RuleNode = _structured(plain, _RuleNode, {}, place)
    return tree.PluginRule(rule=checked_name(node.rule, "rule", place), params=from_plain(node.params))


def _event(plain: Mapping[str, Any], place: str) -> Condition:
    node: _EventNode = _structured(plain, _EventNode, {"is": "op"}, place)
    events = tree.Occurrences(
        name=checked_name(node.event, "event", place),
        within=None if node.within is None else duration(node.within, f"{place}.within"),
        since=_moment(node.since, f"{place}.since"),
        until=_moment(node.until, f"{place}.until"),
        where=tuple(_field(one, f"{place}.where[{index}]") for index, one in enumerate(node.where)),
    )
    asked = [word for word in ("count", "sum", "when") if getattr(node, word)]
    if len(asked) != 1:
        raise InvalidCondition(place=place, problem="say one of count = true, sum = FIELD, when = first or last")
    return _ASKED[asked[0]](node, events, _op(node.op, place), place)


def _count(node: _EventNode, events: tree.Occurrences, op: Op, place: str) -> Condition:
    return tree.Count(events=events, op=op, value=_whole(node.value, place))


def _sum(node: _EventNode, events: tree.Occurrences, op: Op, place: str) -> Condition:
    if node.sum not in ("amount", "quantity"):
        raise InvalidCondition(place=place, problem=f"{node.sum!r} is neither amount nor quantity")
    return tree.Sum(
        events=events,
        field=node.sum,  # type: ignore[arg-type]  # one of the two
        op=op,
        value=_whole(node.value, place),
        currency=node.currency,
    )


def _when(node: _EventNode, events: tree.Occurrences, op: Op, place: str) -> Condition:
    if node.when not in ("first", "last") or (node.at is None) == (node.age is None):
        raise InvalidCondition(place=place, problem="say when = first or last, and one of at and age")
    age = None if node.age is None else duration(node.age, f"{place}.age")
    which: Any = node.when
    return tree.Moment(events=events, which=which, op=op, at=_moment(node.at, f"{place}.at"), age=age)


def _whole(value: Any, place: str) -> int:
    if type(value) is not int:
        raise InvalidCondition(place=f"{place}.value", problem=f"{value!r} is no integer")
    normalise(value, place)
    return value


def _moment(value: Any, place: str) -> int | None:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError as error:
            raise InvalidCondition(place=place, problem=f"{value!r} is no ISO 8601 time") from error
    return None if value is None else microseconds(value, place)


_ASKED: dict[str, Callable[[_EventNode, tree.Occurrences, Op, str], Condition]] = {
    "count": _count,
    "sum": _sum,
    "when": _when,
}
_READ: dict[str, Callable[[Mapping[str, Any], str], Condition]] = {
    "all": _many(tree.All, "all"),
    "any": _many(tree.AnyOf, "any"),
    "not": _not,
    "everyone": _everyone,
    "attribute": _attribute,
    "tag": _tag,
    "event": _event,
    "consent": _consent,
    "subscribed": _subscribed,
    "rule": _rule,
}
