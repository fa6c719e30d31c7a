"""When the first or last of some events was."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from itertools import chain, pairwise

from sqlalchemy import func

from crmcore.errors import InvalidCondition
from crmcore.model.condition import Moment
from crmcore.model.history import History
from crmcore.model.values import INT64
from crmcore.rules.comparing import ORDER
from crmcore.rules.leaf import Course, LeafRule, SeenFrom, Truth, among
from crmcore.rules.occurrences import each_customer, found, matching, seen, touched, turnover, until_first_flip
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


def _course(history: History, leaf: Moment, now: int, seen_from: SeenFrom) -> Course:
    return ((at, _fits(leaf, (at, moment))) for at, moment in _moments(history, leaf, now, seen_from))


def _moments(history: History, leaf: Moment, now: int, seen_from: SeenFrom) -> Iterator[tuple[int, int | None]]:
    """Yield (time, moment) for every time at which an answer may change: it is of the age, it is older, others are seen."""
    found = chain(_found(history, leaf, now, seen_from), [(INT64, None)])
    for (start, moment), (end, _) in pairwise(found):
        yield start, moment
        if moment is not None and leaf.age is not None:
            ages = (moment + leaf.age, moment + leaf.age + 1)
            yield from ((at, moment) for at in ages if start < at < end)


def _found(history: History, leaf: Moment, now: int, seen_from: SeenFrom) -> Iterator[tuple[int, int | None]]:
    """Yield the moment as events come and go."""
    times: list[int] = []
    for start, entered, left in turnover(leaf.events.within, matching(leaf.events, history), now, seen_from):
        for one in entered:
            insort(times, one.at)
        for one in left:
            del times[bisect_left(times, one.at)]
        yield start, None if not times else times[0 if leaf.which == "first" else -1]


MOMENT = LeafRule[Moment](
    sql=_sql,
    holds=_holds,
    touches=lambda leaf: touched(leaf.events),
    next_change=until_first_flip(_course),
    course=_course,
)
