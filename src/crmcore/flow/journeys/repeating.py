"""Customers who enter a run again and again: a timer each, set whenever a way begins."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from crmcore.flow.journeys.judging import holding
from crmcore.flow.journeys.merging import standing_still
from crmcore.flow.journeys.ways import Wish
from crmcore.model.campaign import Campaign
from crmcore.model.condition import All, Condition, InSegment, Op
from crmcore.model.happens import ENTERED, Happens
from crmcore.model.steps import on_tick
from crmcore.rules.plugin import Plugins
from crmcore.store import enrolments, timers
from crmcore.store.enrolments import RUNNING, Enrolment
from crmcore.store.runs import Run
from crmcore.store.scope import Scope
from crmcore.store.timers import AGAIN, Timer


def note(scope: Scope, run: Run, entered: Iterable[Enrolment]) -> None:
    """Set when customers who enter now do so again."""
    if run.campaign.reentry.when == "interval":
        span = run.campaign.reentry.span
        timers.put(scope, AGAIN, run.id, {one.customer_id: on_tick(one.entered_at + span) for one in entered})


def due(scope: Scope, run: Run, taken: Collection[Timer], plugins: Plugins) -> list[Wish]:
    """Return who is to enter again, and set the timers to the next time: also of those who may not, or are on the way.

    The times are counted from the last entry, whoever it is of by now; without any there is no timer any more.
    """
    customers = {one.customer_id for one in taken}
    ways = enrolments.of_customers(scope, run.id, customers)
    last = {one.customer_id: one for one in ways}
    times = {one: _latest(way.entered_at, run.campaign.reentry.span, scope.now) for one, way in last.items()}
    timers.remove(scope, AGAIN, run.id, customers - last.keys())
    timers.put(scope, AGAIN, run.id, {one: on_tick(at + run.campaign.reentry.span) for one, at in times.items()})
    still = standing_still(ways, run.campaign)
    under_way = {one.customer_id for one in ways if one.state == RUNNING and one.id not in still}
    free = {one for one, at in times.items() if at > last[one].entered_at} - under_way
    matched = holding(scope, _condition(run.campaign), free, plugins)
    return [
        Wish(
            customer_id=one,
            origin_id=last[one].origin_id,
            key=last[one].key,
            at=times[one],
            is_matched=one in matched,
        )
        for one in sorted(free)
    ]


def _latest(entered_at: int, span: int, now: int) -> int:
    """Return the last of the times that follow an entry by whole intervals, or the entry itself."""
    return entered_at + (now - entered_at) // span * span


def hand_on(scope: Scope, run: Run, gone: Collection[Timer], away: Mapping[int, int | None], later: int) -> None:
    """Whoever was merged away waits to be parted again; the customer it is part of has a timer from now on."""
    timers.put(scope, AGAIN, run.id, {one.customer_id: later for one in gone})
    homes = [(away[one.customer_id], one.due_at) for one in gone]
    timers.put_new(scope, AGAIN, run.id, {into: due_at for into, due_at in homes if into is not None})


def _condition(campaign: Campaign) -> Condition:
    """Return what has to hold still: the audience, and where entering a segment lets in, to be in that segment."""
    asked = campaign.audience
    audience = InSegment(segment=asked) if isinstance(asked, str) else asked
    trigger = campaign.trigger
    if not isinstance(trigger, Happens) or trigger.event != ENTERED:
        return audience
    segments = [InSegment(segment=str(one.value)) for one in trigger.where if (one.name, one.op) == ("ref", Op.EQ)]
    return All(of=(audience, *segments))
