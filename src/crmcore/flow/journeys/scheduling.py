"""When a schedule lets the audience in."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from crmcore.model.cron import cron, latest, next_after
from crmcore.model.steps import TICK, on_tick
from crmcore.model.triggers import OnSchedule
from crmcore.model.zones import zone_named
from crmcore.store.timers import Timer


def due_after(trigger: OnSchedule, at: int) -> int:
    """Return when it is due next after a time (microseconds UTC, on a tick)."""
    return on_tick(next_after(cron(trigger.cron), _zone(trigger), at))


def occurrence(trigger: OnSchedule, timer: Timer, now: int) -> int | None:
    """Return the time that a timer is due for: of several that were missed the last, but one that has begun is finished.

    None where the schedule has been changed and did not come since.
    """
    has_begun = timer.customer_id != 0
    return latest(cron(trigger.cron), _zone(trigger), timer.due_at - TICK, timer.due_at if has_begun else now)


def _zone(trigger: OnSchedule) -> ZoneInfo:
    return zone_named(trigger.zone) or ZoneInfo("UTC")
