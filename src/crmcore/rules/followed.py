"""One event is followed by another, later and not too late."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator, Sequence

from crmcore.hooks.rule import Touches
from crmcore.model.condition import Followed
from crmcore.model.history import History
from crmcore.rules.leaf import Course, LeafRule, SeenFrom, Truth, among
from crmcore.rules.occurrences import LONG, found, matching, seen, turnover, until_first_flip
from crmcore.store import schema
from crmcore.store.scope import Scope

#: Events that come or go: is it one that is followed, and its time.
_Moves = list[tuple[bool, int]]


def _sql(scope: Scope, leaf: Followed) -> Truth:
    """Each first event looks into the index of its customer's later ones."""
    first, then = schema.event.c, schema.event.alias("crm_event_later").c
    later = found(leaf.then, scope, then).where(
        then.customer_id == first.customer_id,
        then.occurred_at > first.occurred_at,
        then.occurred_at <= first.occurred_at + min(leaf.within, LONG),
    )
    return among(found(leaf.first, scope).where(later.correlate(schema.event).exists()))


def _holds(history: History, leaf: Followed, now: int) -> bool:
    firsts, thens = (seen(events, history, now) for events in (leaf.first, leaf.then))
    return any(0 < then.at - first.at <= leaf.within for first in firsts for then in thens)


def _course(history: History, leaf: Followed, now: int, seen_from: SeenFrom) -> Course:
    """Count the pairs: each event that comes or goes makes or parts those with the events seen of the other kind."""
    firsts: list[int] = []
    thens: list[int] = []
    pairs = 0
    for start, came, went in _turns(history, leaf, now, seen_from):
        for is_first, at in went:
            mine = firsts if is_first else thens
            del mine[bisect_left(mine, at)]
            pairs -= _paired(leaf.within, firsts, thens, at, is_first=is_first)
        for is_first, at in came:
            pairs += _paired(leaf.within, firsts, thens, at, is_first=is_first)
            insort(firsts if is_first else thens, at)
        yield start, pairs > 0


def _paired(within: int, firsts: Sequence[int], thens: Sequence[int], at: int, *, is_first: bool) -> int:
    """Return how many events are seen that a first one at a time is followed by, or that a later one follows."""
    if is_first:
        return max(0, bisect_right(thens, at + within) - bisect_right(thens, at))
    return max(0, bisect_left(firsts, at) - bisect_left(firsts, at - within))


def _turns(history: History, leaf: Followed, now: int, seen_from: SeenFrom) -> Iterator[tuple[int, _Moves, _Moves]]:
    """Yield (start, events newly seen, events dropped) of both kinds, each as (is it a first one, its time)."""
    came: dict[int, _Moves] = {}
    went: dict[int, _Moves] = {}
    for is_first, events in ((True, leaf.first), (False, leaf.then)):
        for start, entered, left in turnover(events.within, matching(events, history), now, seen_from):
            came.setdefault(start, []).extend((is_first, one.at) for one in entered)
            went.setdefault(start, []).extend((is_first, one.at) for one in left)
    for start in sorted(came):
        yield start, came[start], went[start]


FOLLOWED = LeafRule[Followed](
    sql=_sql,
    holds=_holds,
    touches=lambda leaf: Touches(events=frozenset({leaf.first.name, leaf.then.name}), time=True),
    next_change=until_first_flip(_course),
    course=_course,
)
