"""Messages that may have another after them on the step's next channel: each has a timer, and who works looks at it then.

It is due once nothing has come of the message in time, and at once where it has failed. Of a message that may only be
followed after a failure it is due when it would no longer be worth sending: a failure told later changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from decimal import Decimal
from functools import partial

import attrs

from crmcore.flow.elsewhere import first_ways, others_of
from crmcore.flow.journeys.merging import standing_still
from crmcore.flow.plan import Plan
from crmcore.flow.preferring import orders, with_prices
from crmcore.model.campaign import Campaign
from crmcore.model.reaching import Escalation, again_at, is_due
from crmcore.model.steps import Send, on_tick
from crmcore.model.time import DAY
from crmcore.store import claims, enrolments, rerouting, runs, timers, units
from crmcore.store.claims import Claimed
from crmcore.store.runs import Run
from crmcore.store.scope import Read, Scope, Write
from crmcore.store.timers import FALLBACK
from crmcore.store.units import Followed

#: How many are looked at in one transaction.
BATCH = 1000
_OPEN = (runs.RUNNING, runs.PAUSED)


def watch(scope: Scope, plan: Plan, handed: Sequence[Claimed]) -> None:
    """Set the timers of messages that are handed over now."""
    if plan.fallback is None or not handed:
        return
    due_at = on_tick(scope.now + (plan.fallback.patience or plan.campaign.lifetime))
    timers.put(scope, FALLBACK, handed[0].run_id, {one.id: due_at for one in handed})


def unmade(scope: Scope, plan: Plan, run_id: int, deliveries: Sequence[int]) -> None:
    """Let messages be looked at that could not be made, and so were never handed over."""
    if plan.fallback is not None:
        timers.put(scope, FALLBACK, run_id, dict.fromkeys(deliveries, scope.now))


def failed(scope: Scope, which: Collection[tuple[int, int]]) -> None:
    """Let messages that have failed be looked at now, by run and delivery, as far as another may follow them."""
    timers.ring(scope, FALLBACK, which)


@attrs.frozen(kw_only=True)
class Falling:
    """How messages are followed by others on the next channel, which is what messages cost that may decide."""

    write: Write
    reading: Read
    prices: Mapping[str, Decimal]
    stop: Callable[[], bool]

    def fall(self) -> int:
        """Look at all messages that are due, and plan what follows them; return how many were looked at."""
        with self.reading() as scope:
            due = timers.due_runs(scope).get(FALLBACK, [])
        return sum(self._all(run_id) for run_id in due)

    def _all(self, run_id: int) -> int:
        count = 0
        while not self.stop() and (seen := self.write(partial(self._some, run_id=run_id))):
            count += seen
        return count

    def _some(self, scope: Scope, run_id: int) -> int:
        """Look at some; whoever is being written about is looked at the next time."""
        run = runs.load(scope, run_id)
        if run.state not in _OPEN:
            timers.clear(scope, run_id, (FALLBACK,))
            return 0
        taken = {one.customer_id for one in timers.take_due(scope, FALLBACK, run_id, BATCH)}
        due = units.of_ids(scope, taken)
        free = claims.lock_contacts(scope, {one.customer_id for one in due}, exclusive=True)
        there = [one for one in due if one.customer_id in free]
        timers.remove(scope, FALLBACK, run_id, taken - {one.id for one in due} | {one.id for one in there})
        there = _going_on(scope, run, there)
        for version, step in sorted({(one.version or run.version, one.step) for one in there}):
            some = [one for one in there if (one.version or run.version, one.step) == (version, step)]
            self._look(scope, run, runs.of_version(scope, run, version).campaign, step, some)
        return len(free)

    def _look(self, scope: Scope, run: Run, campaign: Campaign, step: str, some: Sequence[Followed]) -> None:
        said = next((with_prices(one, self.prices) for one in campaign.sends if one.name == step), None)
        if said is None or said.fallback is None:
            return
        known = units.of_step(scope, run.id, step, {one.customer_id for one in some})
        last = [one for one in some if not known[one.id].others(one.id)[1]]
        due = [one for one in last if is_due(said.fallback, known[one.id], one.id, scope.now)]
        _follow(scope, said, campaign.lifetime, due, known)
        again = {one.id: again_at(said.fallback, known[one.id], one.id, scope.now) for one in last if one not in due}
        timers.put(scope, FALLBACK, run.id, {one: on_tick(at) for one, at in again.items() if at is not None})


def _going_on(scope: Scope, run: Run, due: Sequence[Followed]) -> list[Followed]:
    """Leave out what belongs to a way that stands still beside another person's: while it is worth sending it is looked at each day."""
    still = standing_still(enrolments.of_joined(scope, run.id, {one.customer_id for one in due}), run.campaign)
    held = [one.id for one in due if one.enrolment_id in still and (one.expires_at or 0) > scope.now]
    timers.put(scope, FALLBACK, run.id, dict.fromkeys(held, on_tick(scope.now + DAY)))
    return [one for one in due if one.enrolment_id not in still]


def _follow(scope: Scope, step: Send, lifetime: int, due: Sequence[Followed], known: Mapping[int, Escalation]) -> None:
    """Plan the next message of each on a channel that was not tried: of several on one channel one is followed."""
    first = {known[one.id].tried[0].id: one for one in due}.values()
    order = orders(scope, step.order, step.channels, sorted({one.customer_id for one in first}))
    wanted = {
        one.id: (one.customer_id, [name for name in order[one.customer_id] if name not in known[one.id].channels])
        for one in first
    }
    ways = first_ways(scope, step.template, wanted)
    others = [other for one, way in ways.items() for other in others_of(one, way)]
    rerouting.follow(scope, others, scope.now + lifetime)
