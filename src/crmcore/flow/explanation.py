"""What is told of why a customer is in a segment or is not: as values, and in words."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import attrs

from crmcore.model.condition import Bucket, Condition, Extreme, Followed, Moment, Op, Sum
from crmcore.model.time import iso
from crmcore.model.values import Value
from crmcore.model.wording import to_text
from crmcore.model.wording.writing import millionths, money, share, value
from crmcore.store.plain import to_tree

_NODES = {"all": "all of these", "any": "one of these", "not": "not this"}


@attrs.frozen(kw_only=True)
class Deciding:
    """An event that a leaf looked at; `counts` is false for one that does not fit, shown where none does."""

    id: int
    name: str
    at: int
    counts: bool = True

    def __str__(self) -> str:
        return f"{self.name} at {iso(self.at)}{'' if self.counts else ' (does not fit)'}"


@attrs.frozen(kw_only=True)
class Line:
    """A node of a condition in words: how deep it stands, and what was found; "" where there is nothing to say."""

    depth: int
    holds: bool
    condition: str
    found: str
    events: tuple[Deciding, ...]


@attrs.frozen(kw_only=True)
class Explanation:
    """A node of a condition, and whether it holds; `str()` says it all in words.

    Attributes: `node` ("all", "any", "not" or "leaf"); `of` (the nodes below); and of a leaf `condition` as plain data,
    `found` (the value, values, count, sum or time (microseconds UTC) that was compared, None where there was none), and
    the `events` that decided it, a few of them, the latest first.
    """

    node: str
    holds: bool
    of: tuple[Explanation, ...] = ()
    condition: dict[str, Any] = attrs.field(factory=dict)
    found: Value | tuple[Value, ...] = None
    events: tuple[Deciding, ...] = ()

    def __str__(self) -> str:
        return "\n".join(map(_said, self.lines()))

    def lines(self, depth: int = 0) -> Iterator[Line]:
        """Yield the nodes in words, each before those below it."""
        leaf = to_tree(self.condition) if self.node == "leaf" else None
        yield Line(
            depth=depth,
            holds=self.holds,
            condition=_NODES[self.node] if leaf is None else to_text(leaf),
            found="" if leaf is None or self.found is None else _worded(leaf, self.found),
            events=self.events,
        )
        for one in _parts(self):
            yield from one.lines(depth + 1)


def _parts(told: Explanation) -> Iterator[Explanation]:
    """Yield the nodes below; all of all, and any of any, is said as one."""
    for one in told.of:
        if one.node == told.node != "not":
            yield from _parts(one)
        else:
            yield one


def _said(line: Line) -> str:
    found = f"; found {line.found}" if line.found else ""
    events = f"; {', '.join(map(str, line.events))}" if line.events else ""
    return f"{'  ' * line.depth}{'yes' if line.holds else 'no'}: {line.condition}{found}{events}"


def _worded(leaf: Condition, found: Value | tuple[Value, ...]) -> str:
    """Return what a leaf found, in the units that its text is in."""
    if isinstance(found, tuple):
        return ", ".join(map(value, found))
    if isinstance(found, bool) or not isinstance(found, int):
        return value(found)
    return _number(leaf, found)


def _number(leaf: Condition, found: int) -> str:
    match leaf:
        case Sum() | Extreme():
            return money(found, _currency(leaf)) if leaf.field == "amount" else millionths(found)
        case Moment():
            return iso(found)
        case Followed():
            return str(timedelta(microseconds=found))
        case Bucket():
            return share(found)
    return str(found)


def _currency(leaf: Sum | Extreme) -> str | None:
    if isinstance(leaf, Sum):
        return leaf.currency
    named = [one.value for one in leaf.events.where if (one.name, one.op) == ("currency", Op.EQ)]
    return str(named[-1]) if named else None
