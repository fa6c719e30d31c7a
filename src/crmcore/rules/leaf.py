"""What each leaf of a condition tree gives: its meaning in SQL and in Python, what can change it, and when time does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

import attrs
from sqlalchemy import ColumnElement, Select

from crmcore.hooks.rule import Touches
from crmcore.model.history import History, PastEvent
from crmcore.store import schema
from crmcore.store.scope import Scope

Leaf = TypeVar("Leaf")
Ids = Select[tuple[int]]
Truth = ColumnElement[bool]
#: Whether it holds, until when that stays so at least, and whether it then turns over for good.
Lasting = tuple[bool, int | None, bool]
#: One leaf, looked at in a history at a time.
Look = Callable[[History, int], Lasting]
#: From when an event is seen: from its time on, or from when it came in, where that is later.
SeenFrom = Callable[[PastEvent], int]
#: The answer now and at each later time at which it may be another, if nothing but these events is ever told.
Course = Iterator[tuple[int, bool | None]]


def _one_after_the_other(rule: LeafRule[Leaf]) -> Callable[[Leaf], Look]:
    return lambda leaf: (
        lambda history, now: (rule.holds(history, leaf, now), rule.next_change(history, leaf, now), False)
    )


@attrs.frozen(kw_only=True)
class LeafRule(Generic[Leaf]):
    """The readings of one kind of leaf.

    `sql(scope, leaf)` is a truth about `schema.customer.c.id` at `scope.now`; `holds(history, leaf, now)` is the
    reference it agrees with; `touches(leaf)` says what can change the answer; `next_change(history, leaf, now)` is a time
    after `now` up to which the answer stays unless something is written, None for ever; `lasting(leaf)` gives
    both at once, made once for many histories. Of leaves on events `course(history, leaf, now, seen_from)` is the answer
    as time goes on and the events of a history come in; None is the one where `holds` raises.
    """

    sql: Callable[[Scope, Leaf], Truth]
    holds: Callable[[History, Leaf, int], bool]
    touches: Callable[[Leaf], Touches]
    next_change: Callable[[History, Leaf, int], int | None]
    lasting: Callable[[Leaf], Look] = attrs.field(default=attrs.Factory(_one_after_the_other, takes_self=True))
    course: Callable[[History, Leaf, int, SeenFrom], Course] | None = None


def never(_history: History, _leaf: object, _now: int) -> None:
    """Time alone changes nothing."""


def among(ids: Ids) -> Truth:
    """The customer is one of these."""
    return schema.customer.c.id.in_(ids)
