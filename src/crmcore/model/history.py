"""One customer's history, and what a condition means on it: the reference that SQL must agree with."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import attrs

from crmcore.errors import InvalidCondition, MixedCurrencies, Overflow
from crmcore.model.condition import (
    All,
    AnyOf,
    Attribute,
    Condition,
    Consented,
    Count,
    Everyone,
    Field,
    Moment,
    Not,
    Occurrences,
    Op,
    PluginRule,
    Subscribed,
    Sum,
    Tag,
)
from crmcore.model.statement import ANY_CHANNEL
from crmcore.model.values import INT64, Value, kind_of, unscaled


@attrs.frozen(kw_only=True)
class PastEvent:
    """An event of a history; `quantity` times 10^6, `amount` in minor units, `properties` as values."""

    name: str
    at: int
    item: str | None = None
    quantity: int | None = None
    amount: int | None = None
    currency: str | None = None
    ref: str | None = None
    properties: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class Said:
    """The latest statement about a purpose or topic on one channel."""

    about: str
    channel: str
    yes: bool
    at: int


@attrs.frozen(kw_only=True)
class History:
    """What is known of one customer."""

    attributes: Mapping[str, Value] = attrs.field(factory=dict)
    tags: frozenset[str] = frozenset()
    events: tuple[PastEvent, ...] = ()
    consents: tuple[Said, ...] = ()
    wishes: tuple[Said, ...] = ()


Rules = Mapping[str, Callable[[History, Mapping[str, Any], int], bool]]
_ORDER: dict[Op, Callable[[Any, Any], bool]] = {
    Op.EQ: operator.eq,
    Op.NE: operator.ne,
    Op.LT: operator.lt,
    Op.LE: operator.le,
    Op.GT: operator.gt,
    Op.GE: operator.ge,
}
_TEXT: dict[Op, Callable[[str, str], bool]] = {
    Op.CONTAINS: lambda text, part: part in text,
    Op.STARTS: str.startswith,
    Op.FOLDED: lambda text, same: text.casefold() == same.casefold(),
}
#: Stands for a value that is not there at all, unlike null.
MISSING = object()


def holds(condition: Condition, history: History, now: int, rules: Rules | None = None) -> bool:  # noqa: C901, PLR0911 - one line a leaf
    """Tell whether a condition holds at `now`; raise MixedCurrencies or Overflow where a sum has no meaning."""
    match condition:
        case All():
            return all([holds(inner, history, now, rules) for inner in condition.of])  # noqa: C419 - each is looked at, as in SQL
        case AnyOf():
            return any([holds(inner, history, now, rules) for inner in condition.of])  # noqa: C419 - the same
        case Not():
            return not holds(condition.of, history, now, rules)
        case Everyone():
            return True
        case Attribute():
            found: object = history.attributes.get(condition.name, MISSING)
            return compare(found, condition.op, condition.value)
        case Tag():
            return condition.name in history.tags
        case Count():
            return _ORDER[condition.op](sum(1 for _ in _matching(condition.events, history, now)), condition.value)
        case Sum():
            return _ORDER[condition.op](_sum(condition, history, now), condition.value)
        case Moment():
            return _moment(condition, history, now)
        case Consented():
            return _says_yes(history.consents, condition.purpose.value, condition.channel)
        case Subscribed():
            return _says_yes(history.wishes, condition.topic, condition.channel)
        case PluginRule():
            return _rule(condition, history, now, rules or {})


def compare(found: object, op: Op, value: Any) -> bool:
    """Compare a value found (or MISSING) as the module `condition` says."""
    if found is MISSING:
        return False
    if op is Op.NULL or found is None:
        return op is Op.NULL and found is None
    if op is Op.EXISTS:
        return True
    if op is Op.IN:
        return any(compare(found, Op.EQ, one) for one in value)
    if not _is_value(found) or kind_of(found) != kind_of(value):  # type: ignore[arg-type]  # _is_value has looked
        return False
    compared: Callable[[Any, Any], bool] = _ORDER.get(op) or _TEXT[op]
    return compared(found, value)


def _is_value(found: object) -> bool:
    return not isinstance(found, list | dict)


def _matching(events: Occurrences, history: History, now: int) -> Iterator[PastEvent]:
    for event in history.events:
        if event.name == events.name and _in_time(events, event.at, now) and _fits(events, event):
            yield event


def _fits(events: Occurrences, event: PastEvent) -> bool:
    return all(compare(_field(event, one), one.op, one.value) for one in events.where)


def _in_time(events: Occurrences, at: int, now: int) -> bool:
    return (
        at <= now
        and (events.within is None or at > now - events.within)
        and (events.since is None or at >= events.since)
        and (events.until is None or at < events.until)
    )


def _field(event: PastEvent, field: Field) -> object:
    if field.name in ("item", "ref", "currency", "amount"):
        found = getattr(event, field.name)
        return MISSING if found is None else found
    if field.name == "quantity":
        return MISSING if event.quantity is None else unscaled(event.quantity)
    return event.properties.get(field.name, MISSING)


def _sum(condition: Sum, history: History, now: int) -> int:
    events = [
        event
        for event in _matching(condition.events, history, now)
        if condition.currency is None or event.currency == condition.currency
    ]
    currencies = sorted({event.currency for event in events if event.currency is not None})
    if condition.field == "amount" and len(currencies) > 1:
        raise MixedCurrencies(place=f"the sum of {condition.events.name}", currencies=", ".join(currencies))
    total = sum(getattr(event, condition.field) or 0 for event in events)
    if not -INT64 <= total < INT64:
        raise Overflow(place=f"the sum of {condition.events.name}.{condition.field}", value=total)
    return total


def _moment(condition: Moment, history: History, now: int) -> bool:
    times = [event.at for event in _matching(condition.events, history, now)]
    if not times:
        return False
    found = min(times) if condition.which == "first" else max(times)
    return _ORDER[condition.op](found, limit_of(condition, now))


def limit_of(condition: Moment, now: int) -> int:
    """Return the time a moment is compared with."""
    if condition.at is not None:
        return condition.at
    if condition.age is None:
        raise InvalidCondition(place=condition.events.name, problem="neither a time nor an age is given")
    return now - condition.age


def _says_yes(statements: tuple[Said, ...], about: str, channel: str) -> bool:
    found = [said for said in statements if said.about == about and said.channel in (channel, ANY_CHANNEL)]
    return bool(found) and max(found, key=lambda said: (said.at, not said.yes)).yes


def _rule(condition: PluginRule, history: History, now: int, rules: Rules) -> bool:
    if condition.rule not in rules:
        raise InvalidCondition(place=condition.rule, problem="no plugin brings this rule")
    return rules[condition.rule](history, condition.params, now)
