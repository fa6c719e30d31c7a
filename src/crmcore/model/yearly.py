"""Dates that come round each year, such as birthdays and renewals: when, and what is due so long before or after them."""

from __future__ import annotations

from calendar import isleap
from datetime import date, datetime, timedelta, tzinfo

from crmcore.model.time import microseconds
from crmcore.model.zones import day_shown, instant, midnight, reached

_LEAP_DAY = (2, 29)


def occurrence(day: date, year: int) -> date:
    """Return when a date comes round in a year: 29 February on 1 March where the year has none."""
    if (day.month, day.day) == _LEAP_DAY and not isleap(year):
        return date(year, 3, 1)
    return day.replace(year=year)


def coming(day: date, since: date) -> date:
    """Return the first day from `since` on on which a date comes round."""
    this_year = occurrence(day, since.year)
    return this_year if this_year >= since else occurrence(day, since.year + 1)


def gone(day: date, until: date) -> date:
    """Return the last day up to `until` on which a date came round."""
    this_year = occurrence(day, until.year)
    return this_year if this_year <= until else occurrence(day, until.year - 1)


def next_yearly(day: date, zone: tzinfo, at: int, *, offset: int, time_of_day: int) -> int:
    """Return the first instant after `at` that lies `offset` from a time of day of the date as it comes round in some year.

    Instants are microseconds UTC; `time_of_day` and `offset` (negative: before) are microseconds on the wall clock of the
    zone: seven days before 9:00 it is 9:00, also where clocks are changed between. A time that is skipped counts when the
    clock is put forward, a time shown twice at its first showing alone.
    """
    due = time_of_day + offset
    passed = day_shown(reached(zone, at) - due)
    return instant(zone, midnight(coming(day, passed + timedelta(days=1))) + due)


def next_once(when: date | int, zone: tzinfo, at: int, *, offset: int, time_of_day: int) -> int | None:
    """Return the instant that lies `offset` from a day's time of day, or from an instant; None where it is not after `at`.

    A day is counted from as in `next_yearly`. An instant, a datetime or microseconds UTC, has its own time of day, and
    `offset` is elapsed time.
    """
    if isinstance(when, datetime | int):
        due = microseconds(when, "the date counted from") + offset
    else:
        due = instant(zone, midnight(when) + time_of_day + offset)
    return due if due > at else None
