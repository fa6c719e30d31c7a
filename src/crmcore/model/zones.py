"""Clocks and calendars on the wall of a time zone, days of 23, 24 and 25 hours and skipped ones included.

The reading of a wall clock is an integer too: the microseconds from 1970-01-01 00:00 to what clock and calendar show.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from datetime import date, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from crmcore.model.policy import Period
from crmcore.model.time import DAY, EPOCH_DAY, MICROSECOND, SECOND, moment

#: The Monday before 1970-01-01 is three days back.
_THURSDAY = 3
#: Longer than any period.
_LONG = 64 * DAY
#: A datetime can show these in every zone.
_EARLIEST, _LATEST = ((day - EPOCH_DAY).days * DAY for day in (date(1, 1, 2), date(9999, 12, 31)))


@lru_cache(maxsize=1024)
def zone_named(name: str) -> ZoneInfo | None:
    """Return the time zone of an IANA name such as "Europe/London"; None where there is none."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None


def wall(zone: tzinfo, at: int) -> int:
    """Return what clock and calendar show at an instant."""
    return at + _offset(zone, at)


def midnight(day: date) -> int:
    """Return what clock and calendar show at the beginning of a day."""
    return (day - EPOCH_DAY).days * DAY


def day_shown(reading: int) -> date:
    """Return the day that a calendar shows."""
    return EPOCH_DAY + timedelta(days=reading // DAY)


def time_of_day(reading: int) -> int:
    """Return the microseconds since midnight that a clock shows."""
    return reading % DAY


def weekday(reading: int) -> int:
    """Return the day of the week; Monday is 0."""
    return (reading // DAY + _THURSDAY) % 7


def period(reading: int, unit: Period) -> int:
    """Return the number of the day, week or month that a calendar shows: equal in one and the same, and growing."""
    day = reading // DAY
    match unit:
        case Period.DAY:
            return day
        case Period.WEEK:
            return (day + _THURSDAY) // 7
        case Period.MONTH:
            shown = day_shown(reading)
            return shown.year * 12 + shown.month


def period_end(zone: tzinfo, at: int, unit: Period) -> int:
    """Return the first instant from `at` on that the calendar shows another day, week or month."""
    now = period(wall(zone, at), unit)
    return first(zone, at, lambda reading: _left(reading, unit) if period(reading, unit) == now else 0, at + _LONG)


def first(zone: tzinfo, at: int, wait: Callable[[int], int], until: int) -> int:
    """Return the first instant from `at` on, and at latest `until`, at which a reading need not be waited for.

    `wait` tells of a reading how long a clock that is not changed shows only readings to be waited for, beginning with
    this one (or part of that time): 0 where it is none of them.
    """
    while at < until and (pause := wait(wall(zone, at))):
        at = _undisturbed(zone, at, at + pause)
    return min(at, until)


def reached(zone: tzinfo, at: int) -> int:
    """Return the latest reading shown up to an instant: where clocks have just been put back, one from before that.

    `instant(zone, reading) <= at` holds for this reading and all before it, and for none after it.
    """
    change = _undisturbed(zone, at - DAY, at)
    return max(wall(zone, at), wall(zone, change - 1))


def instant(zone: tzinfo, reading: int) -> int:
    """Return the first instant at which a clock shows a reading; for a reading that is skipped, when it is passed over."""
    return first(zone, reading - DAY, lambda shown: max(reading - shown, 0), reading + DAY)


def _left(reading: int, unit: Period) -> int:
    """Return how long a clock that is not changed stays in the period it shows."""
    day = reading // DAY
    match unit:
        case Period.DAY:
            following = day + 1
        case Period.WEEK:
            following = day + 7 - weekday(reading)
        case Period.MONTH:
            shown = day_shown(reading)
            following = ((shown.replace(day=1) + timedelta(days=32)).replace(day=1) - EPOCH_DAY).days
    return following * DAY - reading


def _offset(zone: tzinfo, at: int) -> int:
    """Return how far a clock is ahead of UTC; before the year 1 and after 9999, where datetimes end, as it is there."""
    ahead = moment(min(max(at, _EARLIEST), _LATEST)).astimezone(zone).utcoffset()
    assert ahead is not None
    return ahead // MICROSECOND


def _undisturbed(zone: tzinfo, at: int, end: int) -> int:
    """Return the first instant after `at` at which the clocks of a zone are changed, at latest `end`.

    No zone has ever changed them twice within a day: a look each day finds every change.
    """
    before = _offset(zone, at)
    for start in range(at, end, DAY):
        stop = min(start + DAY, end)
        if _offset(zone, stop) != before:
            return _changed(zone, start, stop, before)
    return end


def _changed(zone: tzinfo, start: int, stop: int, before: int) -> int:
    """Return when the clocks are changed between two instants, which is on a whole second."""
    seconds = range(start // SECOND, -(-stop // SECOND) + 1)
    index = bisect_left(seconds, True, key=lambda second: _offset(zone, second * SECOND) != before)  # noqa: FBT003 - what is looked for
    return seconds[index] * SECOND
