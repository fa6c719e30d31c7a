"""When the first or last of some events was."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import func

from crmcore.errors import InvalidCondition
from crmcore.model.condition import Moment
from crmcore.model.history import History
from crmcore.model.values import INT64
from crmcore.rules.comparing import ORDER
from crmcore.rules.leaf import LeafRule, Truth, among
from crmcore.rules.occurrences import each_customer, first_flip, found, matching, seen, spells, touched
from crmcore.store import schema
from crmcore.store.scope import Scope


def _sql(scope: Scope, leaf: Moment) -> Truth:
    at = schema.event.c.occurred_at
    moment = func.min(at) if leaf.which == "first" else func.max(at)
    limit = max(-INT64, min(_limit(leaf, scope.now), INT64 - 1))
    return among(each_customer(found(leaf.events, scope)).having(ORDER[leaf.op](moment, limit)))


def _limit(leaf: Moment, now: int) -> int:
    """Return the time a moment is compared with."""
    if leaf.at is not None:
        return leaf.at
    if leaf.age is None:
        raise InvalidCondition(place=leaf.events.name, problem="neither a time nor an age is given")
    return now - leaf.age


def _holds(history: History, leaf: Moment, now: int) -> bool:
    times = [one.at for one in seen(leaf.events, history, now)]
    return bool(times) and _fits(leaf, (now, min(times) if leaf.which == "first" else max(times)))


def _fits(leaf: Moment, found: tuple[int, int | None]) -> bool:
    now, moment = found
    return moment is not None and bool(ORDER[leaf.op](moment, _limit(leaf, now)))


def _next_change(history: History, leaf: Moment, now: int) -> int | None:
    moments = ((start, (start, moment)) for start, moment in _moments(history, leaf, now))
    return first_flip(moments, lambda one: _fits(leaf, one))


def _moments(history: History, leaf: Moment, now: int) -> Iterator[tuple[int, int | None]]:
    """Yield (time, moment) for every time at which an answer may change: it is of the age, it is older, others are seen."""
    past = matching(leaf.events, history)
    found = [
        (spell.start, (past[spell.low] if leaf.which == "first" else past[spell.high - 1]).at)
        if spell.high > spell.low
        else (spell.start, None)
        for spell in spells(leaf.events.within, [one.at for one in past], now)
    ]
    for (start, moment), end in zip(found, [*(start for start, _ in found[1:]), INT64], strict=True):
        yield start, moment
        if moment is not None and leaf.age is not None:
            ages = (moment + leaf.age, moment + leaf.age + 1)
            yield from ((at, moment) for at in ages if start < at < end)


MOMENT = LeafRule[Moment](sql=_sql, holds=_holds, touches=lambda leaf: touched(leaf.events), next_change=_next_change)
