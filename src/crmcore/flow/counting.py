"""The gate of frequency caps: what customers were sent and what waits for them is read once for the batch.

A message counts once on a channel, to however many addresses of its customer it goes; on the next channel it counts again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from crmcore.flow.asking import Asking
from crmcore.model.capping import Moment, Sent, Waiting, reach, stopped
from crmcore.model.decision import Decision, Expired, Held, Rerouted, Skipped
from crmcore.store import caps as counted
from crmcore.store.caps import Row, RunOf
from crmcore.store.claims import Claimed
from crmcore.store.deliveries import Unit

Thing = TypeVar("Thing")
Each = TypeVar("Each", Row, Claimed)
#: A message, and the channel it goes by.
_Said = tuple[Unit, str]


def capped(asking: Asking) -> dict[int, Decision]:
    """Decide by what customers were sent, and by what else they are about to be sent."""
    caps, scope = asking.plan.policy.caps, asking.scope
    if not caps or not asking.left:
        return {}
    customers = sorted({one.customer_id for one in asking.left})
    handed = _once(sorted(counted.handed(scope, customers, scope.now - reach(caps)), key=_at))
    waiting = counted.waiting(scope, customers, scope.now + reach(caps))
    runs = counted.runs(scope, {one.run_id for one in (*handed.values(), *waiting)})
    sent = _grouped((one.customer_id, _sent(one, runs[one.run_id])) for one in handed.values())
    others = _grouped(_others(asking, waiting, runs, handed))
    # What has gone to another address of the customer is counted there.
    asked = _once(one for one in asking.left if _said(one) not in handed)
    mine = _grouped((one.customer_id, _asked(asking, one)) for one in asked.values())
    moments = {zone: Moment(at=scope.now, zone=zone) for zone in {asking.default_zone, *asking.zones.values()}}
    found: dict[int, Decision] = {}
    for customer, some in mine.items():
        now = moments[asking.zones.get(customer, asking.default_zone)]
        found |= stopped(caps, now, sent[customer], [*some, *others[customer]], {one.id for one in some})
    by_unit = {unit: found[one.id] for unit, one in asked.items() if one.id in found}
    return {one.id: by_unit[_said(one)] for one in asking.left if _said(one) in by_unit}


def _once(some: Iterable[Each]) -> dict[_Said, Each]:
    """Return one of each message, to however many addresses it goes: the first of them."""
    found: dict[_Said, Each] = {}
    for one in some:
        found.setdefault(_said(one), one)
    return found


def _said(one: Row | Claimed) -> _Said:
    return one.unit, one.channel


def _at(row: Row) -> int:
    return row.at


def _grouped(pairs: Iterable[tuple[int, Thing]]) -> defaultdict[int, list[Thing]]:
    found: defaultdict[int, list[Thing]] = defaultdict(list)
    for customer, one in pairs:
        found[customer].append(one)
    return found


def _sent(row: Row, run: RunOf) -> Sent:
    return Sent(at=row.at, channel=row.channel, tags=run.tags, rank=row.rank)


def _others(
    asking: Asking, waiting: Sequence[Row], runs: Mapping[int, RunOf], handed: Collection[_Said]
) -> Iterator[tuple[int, Waiting]]:
    """Yield what waits beside those asked about; of the same batch what the gates before have let wait on."""
    known = {_said(one) for one in asking.left} | set(handed)
    for row in waiting:
        run, decision = runs[row.run_id], asking.decided.get(row.id)
        if _said(row) in known or not run.goes_on or isinstance(decision, Skipped | Expired):
            continue
        known.add(_said(row))
        yield row.customer_id, _waiting(row, run, decision)


def _waiting(row: Row, run: RunOf, decision: Decision | None) -> Waiting:
    return Waiting(
        id=row.id,
        rank=row.rank,
        due_at=decision.until if isinstance(decision, Held) else row.at,
        expires_at=row.expires_at,
        channel=decision.channel if isinstance(decision, Rerouted) else row.channel,
        tags=run.tags,
    )


def _asked(asking: Asking, one: Claimed) -> Waiting:
    return Waiting(
        id=one.id,
        rank=one.priority,
        due_at=one.due_at,
        expires_at=one.expires_at,
        channel=one.channel,
        tags=frozenset(asking.plan.campaign.tags),
        held_out=one.held_out,
    )
