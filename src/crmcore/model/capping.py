"""Frequency caps: who of a customer's waiting messages may go. Pure: one customer at a time, over all rows that count."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import tzinfo
from itertools import islice

import attrs

from crmcore.model.campaign import is_must_send
from crmcore.model.decision import Held, Skipped
from crmcore.model.delivery import Reason
from crmcore.model.policy import SKIP, Cap, Period, counts
from crmcore.model.time import DAY, MINUTE
from crmcore.model.zones import period, period_end, wall

#: When to ask again where one of higher rank is due, but has not gone yet.
AGAIN = MINUTE
#: How far a period reaches at most, whatever the zone does to its clocks.
_REACH = {Period.DAY: 2 * DAY, Period.WEEK: 9 * DAY, Period.MONTH: 33 * DAY}


@attrs.frozen(kw_only=True)
class Sent:
    """A message that was handed over at an instant, and not given back since; `rank` as of `Campaign.rank`."""

    at: int
    channel: str
    tags: frozenset[str]
    rank: int


@attrs.frozen(kw_only=True)
class Waiting:
    """A message that may go from `due_at` on, and no more from `expires_at` on."""

    id: int
    rank: int
    due_at: int
    expires_at: int | None
    channel: str
    tags: frozenset[str]
    held_out: bool = False


@attrs.frozen(kw_only=True)
class Moment:
    """An instant, where a customer is; `reading` is what clock and calendar show there."""

    at: int
    zone: tzinfo
    reading: int = attrs.field(init=False, default=attrs.Factory(lambda one: wall(one.zone, one.at), takes_self=True))


def reach(caps: Iterable[Cap]) -> int:
    """Return how far from now, back and forth, messages may matter to caps, in microseconds."""
    return max((_REACH[cap.per] if isinstance(cap.per, Period) else cap.per for cap in caps), default=0)


def stopped(
    caps: Sequence[Cap], now: Moment, sent: Sequence[Sent], waiting: Iterable[Waiting], asked: Collection[int]
) -> dict[int, Skipped | Held]:
    """Return what becomes of those messages `asked` for that may not go now, by id; the others may.

    All of `waiting` are the customer's. They take their turns by rank, then by when they are due, then by id: whoever goes
    is counted for those after it, and for whoever waits room is kept (whoever is held has its turn when it is due again).
    The held-out are judged alike and take no room.
    """
    counted, ahead = list(sent), list[Waiting]()
    found: dict[int, Skipped | Held] = {}
    for one in sorted(waiting, key=_turn):
        if one.id not in asked:
            ahead.append(one)
            continue
        verdict = _verdict(caps, now, counted, [other for other in ahead if _turn(other) < _turn(one)], one)
        if verdict is not None:
            found[one.id] = verdict
        if one.held_out:
            continue
        if verdict is None:
            counted.append(Sent(at=now.at, channel=one.channel, tags=one.tags, rank=one.rank))
        elif isinstance(verdict, Held):
            ahead.append(attrs.evolve(one, due_at=verdict.until))
    return found


def _turn(one: Waiting) -> tuple[int, int, int]:
    return -one.rank, one.due_at, one.id


def _verdict(
    caps: Iterable[Cap], now: Moment, counted: Sequence[Sent], ahead: Sequence[Waiting], one: Waiting
) -> Skipped | Held | None:
    """The strictest cap decides: one that ends the message, else the one that holds it for longest."""
    verdicts = [_by_cap(cap, now, counted, ahead, one) for cap in caps if counts(cap, one.channel, one.tags)]
    held = [verdict.until for verdict in verdicts if isinstance(verdict, Held)]
    if any(isinstance(verdict, Skipped) for verdict in verdicts):
        return Skipped(reason=Reason.CAPPED)
    if not held:
        return None
    return Held(until=max(held) if one.expires_at is None else min(max(held), one.expires_at))


def _by_cap(
    cap: Cap, now: Moment, counted: Sequence[Sent], ahead: Sequence[Waiting], one: Waiting
) -> Skipped | Held | None:
    if len(counted) + len(ahead) + cap.reserved < cap.count:
        return None  # whatever the cap is about, and whenever they were
    used = [other for other in counted if counts(cap, other.channel, other.tags) and _is_inside(cap, now, other.at)]
    needed = [other for other in ahead if counts(cap, other.channel, other.tags) and _competes(cap, now, other)]
    is_full = not _fits(cap, used, (), one)
    if is_full and cap.then == SKIP:
        return Skipped(reason=Reason.CAPPED)
    if not is_full and _fits(cap, used, needed, one):
        return None
    return Held(until=_soonest(cap, now, used, () if is_full else needed, one))


def _is_inside(cap: Cap, now: Moment, at: int) -> bool:
    if isinstance(cap.per, Period):
        return period(wall(now.zone, at), cap.per) == period(now.reading, cap.per)
    return at > now.at - cap.per


def _competes(cap: Cap, now: Moment, other: Waiting) -> bool:
    """Tell whether another may go while one that goes now still counts."""
    due_at = max(other.due_at, now.at)
    if other.expires_at is not None and due_at >= other.expires_at:
        return False
    return _is_inside(cap, now, due_at) if isinstance(cap.per, Period) else due_at < now.at + cap.per


def _fits(cap: Cap, used: Sequence[Sent], needed: Sequence[Waiting], one: Waiting) -> bool:
    """Tell whether there is room for one more. What is reserved and not used yet is no room for ordinary messages."""
    ranks = [*(other.rank for other in used), *(other.rank for other in needed)]
    if is_must_send(one.rank):
        return len(ranks) < cap.count
    must = sum(is_must_send(rank) for rank in ranks)
    return len(ranks) - must + max(must, cap.reserved) < cap.count


def _soonest(cap: Cap, now: Moment, used: Sequence[Sent], needed: Sequence[Waiting], one: Waiting) -> int:
    """Return the first instant at which room may have come: one that counts has left, or one ahead has had its turn."""
    turns = [other.due_at if other.due_at > now.at else now.at + AGAIN for other in needed]
    if isinstance(cap.per, Period):
        return min([period_end(now.zone, now.at, cap.per), *turns])
    leaving = sorted(other.at + cap.per for other in used)
    roomy = (at for at in leaving if _fits(cap, [o for o in used if o.at + cap.per > at], needed, one))
    return min([*islice(roomy, 1), *turns], default=now.at + cap.per)
