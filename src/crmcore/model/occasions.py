"""When a date of a customer is due to a campaign: how it is called, since when it is, and until when it still counts.

Instants are microseconds UTC; due ones are on whole ticks.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta, tzinfo

import attrs

from crmcore.model.local import time_of_day
from crmcore.model.steps import TICK, on_tick
from crmcore.model.time import DAY, microseconds
from crmcore.model.triggers import OnDate, signed
from crmcore.model.yearly import coming, gone
from crmcore.model.zones import day_shown, instant, midnight, reached, wall

_ONE_DAY = timedelta(days=1)


@attrs.frozen(kw_only=True)
class Occasion:
    """A date that is due once: `key` is its year, or its day where it does not come round; it counts until `over_at`."""

    key: str
    due_at: int
    over_at: int

    def counted(self, at: int) -> bool:
        """Tell whether it still counted at the tick of a time."""
        return self.over_at > at - TICK


def following(trigger: OnDate, when: date, zone: tzinfo, at: int) -> Occasion | None:
    """Return what is due next after a time; None where nothing will be."""
    if trigger.yearly:
        return _of_year(trigger, coming(_day(when, zone), _passed(trigger, zone, at) + _ONE_DAY), zone)
    only = _only(trigger, when, zone)
    return only if only.due_at > at else None


def latest(trigger: OnDate, when: date, zone: tzinfo, at: int) -> Occasion | None:
    """Return what was due last up to a time; None where nothing was."""
    if trigger.yearly:
        return _of_year(trigger, gone(_day(when, zone), _passed(trigger, zone, at)), zone)
    only = _only(trigger, when, zone)
    return only if only.due_at <= at else None


def awaited(trigger: OnDate, when: date, zone: tzinfo, at: int) -> Occasion | None:
    """Return what a date that becomes known at a time is to be looked out for: what is due already, if it still counts."""
    last = latest(trigger, when, zone, at)
    return last if last is not None and last.over_at > at else following(trigger, when, zone, at)


def _passed(trigger: OnDate, zone: tzinfo, at: int) -> date:
    """Return the last day of which the time that is due has passed by then."""
    return day_shown(reached(zone, at) - _shift(trigger))


def _shift(trigger: OnDate) -> int:
    """How far from midnight of its day it is due, on the wall clock."""
    return time_of_day(trigger.at, "trigger.at") + signed(trigger.offset, "trigger.offset")


def _day(when: date, zone: tzinfo) -> date:
    """An instant has the day that the calendar of the zone shows then."""
    return day_shown(wall(zone, microseconds(when, "the date"))) if isinstance(when, datetime) else when


def _of_year(trigger: OnDate, day: date, zone: tzinfo) -> Occasion:
    reading = midnight(day) + _shift(trigger)
    due_at = instant(zone, reading)
    return Occasion(key=str(day.year), due_at=on_tick(due_at), over_at=_over_at(trigger, day, reading, zone))


def _only(trigger: OnDate, when: date, zone: tzinfo) -> Occasion:
    day = _day(when, zone)
    if isinstance(when, datetime):
        due_at = microseconds(when, "the date") + signed(trigger.offset, "trigger.offset")
        reading = wall(zone, due_at)
    else:
        reading = midnight(day) + _shift(trigger)
        due_at = instant(zone, reading)
    return Occasion(key=day.isoformat(), due_at=on_tick(due_at), over_at=_over_at(trigger, day, reading, zone))


def _over_at(trigger: OnDate, day: date, reading: int, zone: tzinfo) -> int:
    """Of what is due before the day, the end of the day; else the end of the day on which it is due."""
    last = midnight(day) if signed(trigger.offset, "trigger.offset") < 0 else reading
    return instant(zone, last // DAY * DAY + DAY)
