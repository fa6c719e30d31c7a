"""One event is followed by another, later and not too late."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator

from crmcore.hooks.rule import Touches
from crmcore.model.condition import Followed
from crmcore.model.history import History
from crmcore.model.values import INT64
from crmcore.rules.leaf import LeafRule, Truth, among
from crmcore.rules.occurrences import LONG, found, matching, seen
from crmcore.store import schema
from crmcore.store.scope import Scope


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


def _next_change(history: History, leaf: Followed, now: int) -> int | None:
    """The pairs seen now, or the next one to be seen, hold as long as the last that joins them without a gap."""
    spans = sorted((start, end) for start, end in _pairs(history, leaf) if end > now)
    if not spans or spans[0][0] > now:
        return spans[0][0] if spans else None
    reach = now
    for start, end in spans:
        if start > reach:
            break
        reach = max(reach, end)
    return reach if reach < INT64 else None


def _pairs(history: History, leaf: Followed) -> Iterator[tuple[int, int]]:
    """Yield from when to when each later event is seen with the newest before it, which of all is seen longest."""
    times = [one.at for one in matching(leaf.first, history)]
    for then in matching(leaf.then, history):
        before = bisect_left(times, then.at) - 1
        if before >= 0 and then.at - times[before] <= leaf.within:
            ends = (_end(times[before], leaf.first.within), _end(then.at, leaf.then.within))
            if min(ends) > then.at:
                yield then.at, min(ends)


def _end(at: int, within: int | None) -> int:
    return INT64 if within is None else at + within


FOLLOWED = LeafRule[Followed](
    sql=_sql,
    holds=_holds,
    touches=lambda leaf: Touches(events=frozenset({leaf.first.name, leaf.then.name}), time=True),
    next_change=_next_change,
)
