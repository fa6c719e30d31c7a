"""Who enters a segment and who leaves it is told once, by an event."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from crmcore.model.event import Event
from crmcore.model.happens import ENTERED, LEFT
from crmcore.store import events, memberships
from crmcore.store.scope import Scope


@attrs.frozen(kw_only=True)
class Change:
    """A customer is in a segment, or is in it no more, from a time on."""

    segment_id: int
    segment: str
    customer_id: int
    is_in: bool
    at: int


def _times(scope: Scope, telling: Sequence[Change], ids: Sequence[int]) -> list[int]:
    """Return when each is told to have happened: after what was told before it of the same customer and segment.

    Another writer may have told that whose transaction began later, or whose clock is ahead.
    """
    last: dict[tuple[bool, str, int], tuple[int, int]] = {}
    for is_in, before in ((True, LEFT), (False, ENTERED)):
        some = [one for one in telling if one.is_in == is_in]
        if some:
            since = min(one.at for one in some)
            found = memberships.last_told(scope, before, {one.customer_id for one in some}, since)
            last |= {(is_in, *pair): place for pair, place in found.items()}
    places = [last.get((one.is_in, one.segment, one.customer_id), (one.at, 0)) for one in telling]
    return [
        one.at if place < (one.at, row_id) else place[0] + 1
        for one, place, row_id in zip(telling, places, ids, strict=True)
    ]


def tell(scope: Scope, telling: Sequence[Change]) -> None:
    """Append the events of changes; no condition may ask for them, so that nothing has to be looked at again."""
    names, ids = {True: ENTERED, False: LEFT}, scope.new_ids(len(telling))
    told = [
        Event(name=names[one.is_in], customer=(), at=at, ref=one.segment)
        for one, at in zip(telling, _times(scope, telling, ids), strict=True)
    ]
    owners = [(one.customer_id, one.customer_id) for one in telling]
    events.append(scope, told, ids, owners)
    scope.touched.take()
