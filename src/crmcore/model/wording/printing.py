"""A condition as text: the one normal form of its tree."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from crmcore.model.condition import (
    All,
    Anniversary,
    AnyOf,
    Attribute,
    Bucket,
    Condition,
    Consented,
    Everyone,
    InSegment,
    Not,
    OfAccount,
    PluginRule,
    Subscribed,
    Tag,
    checked,
)
from crmcore.model.statement import ANY_CHANNEL
from crmcore.model.time import DAY
from crmcore.model.wording.recounting import happening
from crmcore.model.wording.scanning import quoted
from crmcore.model.wording.writing import compared, named, share, span, value


def to_text(condition: Condition) -> str:
    """Return the text of a condition, which `to_condition` gives back; raise InvalidCondition for too large a tree."""
    return _said(checked(condition))


def _said(condition: Condition) -> str:
    match condition:
        case All():
            return _joined("and", "all", condition.of)
        case AnyOf():
            return _joined("or", "any", condition.of)
        case Not():
            return f"not {_part(condition.of)}"
        case _:
            return _LEAVES.get(type(condition), happening)(condition)


def _joined(word: str, listed: str, of: tuple[Condition, ...]) -> str:
    if len(of) > 1:
        return f" {word} ".join(map(_part, of))
    return f"{listed} of ({''.join(map(_said, of))})"


def _part(condition: Condition) -> str:
    """Return what is part of something larger: in parentheses where it is several itself."""
    several = isinstance(condition, All | AnyOf) and len(condition.of) > 1
    return f"({_said(condition)})" if several else _said(condition)


def _everyone(_leaf: Everyone) -> str:
    return "everyone"


def _attribute(leaf: Attribute) -> str:
    return compared(named(leaf.name), leaf.op, leaf.value)


def _account(leaf: OfAccount) -> str:
    return f"account {compared(named(leaf.name), leaf.op, leaf.value)}"


def _tag(leaf: Tag) -> str:
    return f"tag {quoted(leaf.name)}"


def _anniversary(leaf: Anniversary) -> str:
    return f"{named(leaf.name)} comes round within {span(leaf.days * DAY)}"


def _bucket(leaf: Bucket) -> str:
    return f"bucket {quoted(leaf.salt)} {share(leaf.since)} to {share(leaf.until)}"


def _segment(leaf: InSegment) -> str:
    return f"in segment {quoted(leaf.segment)}"


def _consented(leaf: Consented) -> str:
    return f"consents to {leaf.purpose.value}{_on(leaf.channel)}"


def _subscribed(leaf: Subscribed) -> str:
    return f"subscribed to {quoted(leaf.topic)}{_on(leaf.channel)}"


def _on(channel: str) -> str:
    return "" if channel == ANY_CHANNEL else f" on {named(channel)}"


def _rule(leaf: PluginRule) -> str:
    return f"rule {named(leaf.rule)}" + (f"({_pairs(leaf.params)})" if leaf.params else "")


def _pairs(params: Mapping[str, Any]) -> str:
    return _listed(f"{named(name)} = {_plain(params[name])}" for name in sorted(params))


def _plain(given: Any) -> str:
    if isinstance(given, Mapping):
        return f"{{{_pairs(given)}}}"
    return f"[{_listed(map(_plain, given))}]" if isinstance(given, list | tuple) else value(given)


def _listed(parts: Iterable[str]) -> str:
    return ", ".join(parts)


_LEAVES: dict[type[Any], Callable[[Any], str]] = {
    Everyone: _everyone,
    Attribute: _attribute,
    OfAccount: _account,
    Tag: _tag,
    Anniversary: _anniversary,
    Bucket: _bucket,
    InSegment: _segment,
    Consented: _consented,
    Subscribed: _subscribed,
    PluginRule: _rule,
}
