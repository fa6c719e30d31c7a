"""The gate of frequency caps: what customers were sent and what waits for them is read once for the batch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from crmcore.flow.asking import Asking
from crmcore.model.capping import Moment, Sent, Waiting, reach, stopped
from crmcore.model.decision import Decision, Expired, Held, Rerouted, Skipped
from crmcore.store import caps as counted
from crmcore.store.caps import Row, RunOf
from crmcore.store.claims import Claimed

Thing = TypeVar("Thing")


def capped(asking: Asking) -> dict[int, Decision]:
    """Decide by what customers were sent, and by what else they are about to be sent."""
    caps, scope = asking.plan.policy.caps, asking.scope
    if not caps or not asking.left:
        return {}
    customers = sorted({one.customer_id for one in asking.left})
    handed = counted.handed(scope, customers, scope.now - reach(caps))
    waiting = counted.waiting(scope, customers, scope.now + reach(caps))
    runs = counted.runs(scope, {one.run_id for one in (*handed, *waiting)})
    sent = _grouped((one.customer_id, _sent(one, runs[one.run_id])) for one in handed)
    others = _grouped(_others(asking, waiting, runs))
    asked = _grouped((one.customer_id, _asked(asking, one)) for one in asking.left)
    moments = {zone: Moment(at=scope.now, zone=zone) for zone in {asking.default_zone, *asking.zones.values()}}
    found: dict[int, Decision] = {}
    for customer, mine in asked.items():
        now = moments[asking.zones.get(customer, asking.default_zone)]
        found |= stopped(caps, now, sent[customer], [*mine, *others[customer]], {one.id for one in mine})
    return found


def _grouped(pairs: Iterable[tuple[int, Thing]]) -> defaultdict[int, list[Thing]]:
    found: defaultdict[int, list[Thing]] = defaultdict(list)
    for customer, one in pairs:
        found[customer].append(one)
    return found


def _sent(row: Row, run: RunOf) -> Sent:
    return Sent(at=row.at, channel=row.channel, tags=run.tags, rank=row.rank)


def _others(asking: Asking, waiting: Sequence[Row], runs: Mapping[int, RunOf]) -> Iterator[tuple[int, Waiting]]:
    """Yield what waits beside those asked about; of the same batch what the gates before have let wait on."""
    asked = {one.id for one in asking.left}
    for row in waiting:
        run, decision = runs[row.run_id], asking.decided.get(row.id)
        if row.id in asked or not run.goes_on or isinstance(decision, Skipped | Expired):
            continue
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
