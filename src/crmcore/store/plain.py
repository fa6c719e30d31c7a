"""Conditions as plain data for JSON and TOML, and back; an error names the path in the tree.

A node is a table; its first word says what it is: all, any, not, everyone, attribute, anniversary, tag, event, consent,
subscribed, account, bucket, in_segment, rule. `{"attribute": "city", "is": "==", "value": "Bandung"}`.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from typing import Any

import attrs

from crmcore.errors import InputError, InvalidCondition
from crmcore.model import condition as tree
from crmcore.model.condition import Condition
from crmcore.model.names import checked_name
from crmcore.model.statement import ANY_CHANNEL
from crmcore.model.values import from_plain, to_plain
from crmcore.model.verbs import purpose_of
from crmcore.store import plain_events
from crmcore.store.plain_nodes import Plain, ValueNode, compared_data, comparison, structured


@attrs.frozen(kw_only=True)
class _SaidNode:
    """The fields a node about a consent or a wish may have."""

    about: str
    channel: str = ANY_CHANNEL


@attrs.frozen(kw_only=True)
class _NameNode:
    """The fields of a node that is a name."""

    name: str


@attrs.frozen(kw_only=True)
class _AnniversaryNode:
    """The fields a node about a date that comes round may have."""

    name: str
    days: Any


@attrs.frozen(kw_only=True)
class _BucketNode:
    """The fields a node about a share of all may have, in hundredths of a percent."""

    salt: str
    until: Any
    since: Any = 0


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


def to_data(condition: Condition) -> Plain:
    """Return a condition as plain data that JSON and TOML can hold; `to_tree` gives the condition back."""
    write = _WRITTEN.get(type(condition))
    return plain_events.to_data(condition) if write is None else write(condition)  # type: ignore[arg-type]  # the rest are on events


def _compared_data(word: str) -> Callable[[Any], Plain]:
    return lambda one: {word: one.name, **compared_data(one.op, one.value, one.name)}


_WRITTEN: dict[type[Any], Callable[[Any], Plain]] = {
    tree.All: lambda one: {"all": [to_data(inner) for inner in one.of]},
    tree.AnyOf: lambda one: {"any": [to_data(inner) for inner in one.of]},
    tree.Not: lambda one: {"not": to_data(one.of)},
    tree.Everyone: lambda _: {"everyone": True},
    tree.Attribute: _compared_data("attribute"),
    tree.Anniversary: lambda one: {"anniversary": one.name, "days": one.days},
    tree.Tag: lambda one: {"tag": one.name},
    tree.Consented: lambda one: {"consent": one.purpose.value, "channel": one.channel},
    tree.Subscribed: lambda one: {"subscribed": one.topic, "channel": one.channel},
    tree.OfAccount: _compared_data("account"),
    tree.Bucket: lambda one: {"bucket": one.salt, "since": one.since, "until": one.until},
    tree.InSegment: lambda one: {"in_segment": one.segment},
    tree.PluginRule: lambda one: {"rule": one.rule, "params": to_plain(one.params, "params")},
}


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


def _everyone(plain: Mapping[str, Any], place: str) -> Condition:
    if plain != {"everyone": True}:
        raise InvalidCondition(place=place, problem="write everyone = true and nothing else")
    return tree.Everyone()


def _compared(kind: type[tree.Attribute | tree.OfAccount], word: str) -> Callable[[Mapping[str, Any], str], Condition]:
    def read(plain: Mapping[str, Any], place: str) -> Condition:
        node: ValueNode = structured(plain, ValueNode, {word: "name", "is": "op"}, place)
        op, value = comparison(node, place)
        return kind(name=checked_name(node.name, "attribute", place), op=op, value=value)

    return read


def _anniversary(plain: Mapping[str, Any], place: str) -> Condition:
    node: _AnniversaryNode = structured(plain, _AnniversaryNode, {"anniversary": "name"}, place)
    return tree.Anniversary(name=checked_name(node.name, "attribute", place), days=_int(node.days, f"{place}.days"))


def _tag(plain: Mapping[str, Any], place: str) -> Condition:
    node: _NameNode = structured(plain, _NameNode, {"tag": "name"}, place)
    return tree.Tag(name=checked_name(node.name, "tag", place))


def _consent(plain: Mapping[str, Any], place: str) -> Condition:
    node: _SaidNode = structured(plain, _SaidNode, {"consent": "about"}, place)
    return tree.Consented(purpose=purpose_of(node.about, place), channel=node.channel)


def _subscribed(plain: Mapping[str, Any], place: str) -> Condition:
    node: _SaidNode = structured(plain, _SaidNode, {"subscribed": "about"}, place)
    return tree.Subscribed(topic=checked_name(node.about, "topic", place), channel=node.channel)


def _bucket(plain: Mapping[str, Any], place: str) -> Condition:
    node: _BucketNode = structured(plain, _BucketNode, {"bucket": "salt"}, place)
    since, until = _int(node.since, f"{place}.since"), _int(node.until, f"{place}.until")
    return tree.Bucket(salt=checked_name(node.salt, "bucket", place), since=since, until=until)


def _in_segment(plain: Mapping[str, Any], place: str) -> Condition:
    node: _NameNode = structured(plain, _NameNode, {"in_segment": "name"}, place)
    return tree.InSegment(segment=checked_name(node.name, "segment", place))


def _rule(plain: Mapping[str, Any], place: str) -> Condition:
    node: _RuleNode = structured(plain, _RuleNode, {}, place)
    return tree.PluginRule(rule=checked_name(node.rule, "rule", place), params=from_plain(node.params))


def _int(value: Any, place: str) -> int:
    if type(value) is not int:
        raise InvalidCondition(place=place, problem=f"{value!r} is no integer")
    return value


_READ: dict[str, Callable[[Mapping[str, Any], str], Condition]] = {
    "all": _many(tree.All, "all"),
    "any": _many(tree.AnyOf, "any"),
    "not": _not,
    "everyone": _everyone,
    "attribute": _compared(tree.Attribute, "attribute"),
    "anniversary": _anniversary,
    "tag": _tag,
    "event": plain_events.to_tree,
    "consent": _consent,
    "subscribed": _subscribed,
    "account": _compared(tree.OfAccount, "account"),
    "bucket": _bucket,
    "in_segment": _in_segment,
    "rule": _rule,
}
