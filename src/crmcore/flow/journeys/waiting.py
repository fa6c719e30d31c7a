"""Steps that wait: for a time, for a time on the customer's clock, for a date, for an event. Timers are the due times of rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from crmcore.flow.journeys.clocks import zones_of
from crmcore.flow.journeys.walking import Onward, Stage
from crmcore.flow.journeys.ways import is_about
from crmcore.model.happens import Happens
from crmcore.model.history import PastEvent
from crmcore.model.local import next_local, time_of_day, weekdays
from crmcore.model.steps import Wait, WaitDate, WaitFor, WaitUntil, on_tick
from crmcore.model.time import duration
from crmcore.model.triggers import signed
from crmcore.model.yearly import next_once
from crmcore.store import contexts, recent
from crmcore.store.enrolments import Enrolment


def wait(stage: Stage, step: Wait, arrived: Sequence[Enrolment]) -> list[Onward]:
    """Wait for a time."""
    return [stage.onward(step, due_at=_after(stage, duration(step.lasting, step.name)))] * len(arrived)


def wait_for(stage: Stage, step: WaitFor, arrived: Sequence[Enrolment]) -> list[Onward]:
    """Wait until nobody waits any longer; the event lets whoever it is of go on before.

    It may have come already, since the customer was due here: whoever works does so now and then. No event is heard twice.
    """
    onward, happened = stage.onward(step, "timeout"), stage.onward(step, "happened")
    waiting = Onward(onward.to, _after(stage, duration(step.timeout, step.name)))
    heard = _heard(stage, step, arrived)
    stage.heard.update(heard)
    return [happened if one.id in heard else waiting for one in arrived]


def _heard(stage: Stage, step: WaitFor, arrived: Sequence[Enrolment]) -> dict[int, int]:
    """Return when what is waited for has happened, of the enrolments of which it has."""
    since = min(_since(stage, one) for one in arrived)
    customers = sorted({one.customer_id for one in arrived})
    events = recent.events_after(stage.scope, {step.event.event}, customers, since)
    first = {one.id: _first(stage, step, one, events.get(one.customer_id, ())) for one in arrived}
    return {one: at for one, at in first.items() if at is not None}


def _first(stage: Stage, step: WaitFor, one: Enrolment, events: Iterable[PastEvent]) -> int | None:
    """Return the time of the first event that is what is waited for; the one that let the customer in is not."""
    since = _since(stage, one)
    found = sorted(
        event.at for event in events if since < event.at <= stage.scope.now and is_about(step.event, event, one.key)
    )
    is_new = one.step == "" and one.id not in stage.heard and step.event.event == _trigger(stage)
    return next(iter(found[1:] if is_new and found[:1] == [one.entered_at] else found), None)


def _since(stage: Stage, one: Enrolment) -> int:
    """Return the time after which events count: the last one heard, the end of the last wait, or just before the entry."""
    if one.id in stage.heard:
        return stage.heard[one.id]
    return one.entered_at - 1 if one.step == "" else stage.scope.now if one.due_at is None else one.due_at


def _trigger(stage: Stage) -> str:
    trigger = stage.run.campaign.trigger
    return trigger.event if isinstance(trigger, Happens) else ""


def _after(stage: Stage, lasting: int) -> int:
    """Return when a time is over; by the next tick at the earliest, so that time passes on every way round."""
    return on_tick(stage.scope.now + max(lasting, 1))


def wait_until(stage: Stage, step: WaitUntil, arrived: Sequence[Enrolment]) -> list[Onward]:
    """Wait until the clock of each shows a time; all in one zone wait equally long.

    Whoever comes round to the step from itself, at the very time it waited for, waits for the next.
    """
    zones = _zones(stage, arrived)
    clock, days = time_of_day(step.at, step.name), weekdays(step.weekdays, step.name)
    since = [(zones[one.customer_id], stage.scope.now + (one.step == step.name)) for one in arrived]
    due = {(zone, at): on_tick(next_local(zone, at, clock, days)) for zone, at in set(since)}
    onward = {each: stage.onward(step, due_at=due_at) for each, due_at in due.items()}
    return [onward[each] for each in since]


def wait_date(stage: Stage, step: WaitDate, arrived: Sequence[Enrolment]) -> list[Onward]:
    """Wait until a date of each; one that is over, or that nobody knows, is not waited for."""
    zones = _zones(stage, arrived)
    dates = contexts.values(stage.scope, sorted({one.customer_id for one in arrived}), step.attribute)
    offset, clock = signed(step.offset, step.name), time_of_day(step.at, step.name)

    def onward(one: Enrolment) -> Onward:
        when = dates.get(one.customer_id)
        if not isinstance(when, date | datetime):
            return stage.onward(step)
        due_at = next_once(when, zones[one.customer_id], stage.scope.now, offset=offset, time_of_day=clock)
        return stage.onward(step, due_at=None if due_at is None else on_tick(due_at))

    return [onward(one) for one in arrived]


def _zones(stage: Stage, arrived: Sequence[Enrolment]) -> dict[int, ZoneInfo]:
    return zones_of(stage.scope, sorted({one.customer_id for one in arrived}), stage.policy.zone)
