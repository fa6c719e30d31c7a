"""Schedules in the five fields of cron, after the crontab of POSIX and its usual extensions (Vixie).

Asked about a time zone they follow its wall clock as if it were never put back: an hour shown twice counts once.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from datetime import date, timedelta, tzinfo
from itertools import count

import attrs

from crmcore.errors import InvalidTime
from crmcore.model.time import HOUR, MINUTE
from crmcore.model.zones import day_shown, instant, midnight, reached

MACROS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
}
_DAYS_OF_MONTH = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_TERM = re.compile(r"(?P<every>\*)|(?P<start>\w{1,9})(?:-(?P<end>\w{1,9}))?", re.ASCII)


@attrs.frozen(kw_only=True)
class Cron:
    """A schedule: at these times of day (microseconds since midnight, ascending) of the days that fit.

    A day fits in one of the months (January is 1), by its number in the month and its weekday (Monday is 0): by both, or
    by either.
    """

    times: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either: bool


@attrs.frozen
class _Field:
    """A field of a schedule: the values it may have, and names of them."""

    name: str
    least: int
    greatest: int
    names: tuple[str, ...] = ()


_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_SUNDAY = 7
_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day-of-month", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("day-of-week", 0, _SUNDAY, _WEEKDAYS),
)


class _Wrong(Exception):
    """A schedule is not valid; says what is wrong with it, and the fix."""


def cron(text: str, place: str = "the schedule") -> Cron:
    """Return a schedule such as "0 9 * * MON-FRI" or "@daily"; raise InvalidTime naming the place and the fix.

    The fields are minute, hour, day-of-month, month and day-of-week (0 and 7 are Sunday). Where neither field of days
    begins with "*", a day that fits either of them will do.
    """
    try:
        return _cron(_fields(str(text).strip().lower()))
    except _Wrong as wrong:
        raise InvalidTime(place=place, problem=f"{text!r}: {wrong}") from wrong


def next_after(cron: Cron, zone: tzinfo, at: int) -> int:
    """Return the first instant after `at` (microseconds UTC) at which the wall clock of a zone shows a fitting minute.

    Minutes that are skipped count, together, when the clock is put forward; minutes shown twice at their first showing.
    """
    return instant(zone, _following(cron, reached(zone, at)))


def latest(cron: Cron, zone: tzinfo, since: int, at: int) -> int | None:
    """Return the last instant after `since` and up to `at` (microseconds UTC) at which a schedule came; None where it did not."""
    times = range(since, at + 1)
    passed = bisect_left(times, True, key=lambda one: next_after(cron, zone, one) > at)  # noqa: FBT003 - what is looked for
    return next_after(cron, zone, times[passed - 1]) if passed else None


def _following(cron: Cron, reading: int) -> int:
    """Return the first fitting reading after one."""
    today = day_shown(reading)
    shown = reading - midnight(today)
    if shown >= cron.times[-1]:
        today, shown = today + timedelta(days=1), -1
    day = next(_fitting(cron, today))
    return midnight(day) + cron.times[bisect_right(cron.times, shown) if day == today else 0]


def _fitting(cron: Cron, since: date) -> Iterator[date]:
    """Yield the days from `since` on that fit, month by month."""
    for month in count(since.year * 12 + since.month - 1):
        if month % 12 + 1 in cron.months:
            yield from (day for day in _days_of(month) if day >= since and _fits(cron, day))


def _days_of(month: int) -> Iterator[date]:
    """Yield the days of a month, counted from the year 0."""
    day = date(month // 12, month % 12 + 1, 1)
    while day.month == month % 12 + 1:
        yield day
        day += timedelta(days=1)


def _fits(cron: Cron, day: date) -> bool:
    by = (day.day in cron.days, day.weekday() in cron.weekdays)
    return any(by) if cron.either else all(by)


def _fields(text: str) -> list[str]:
    if text.startswith("@") and text not in MACROS:
        raise _Wrong(f"there is no such shorthand; known are {', '.join(MACROS)}")
    fields = MACROS.get(text, text).split()
    if len(fields) != len(_FIELDS):
        raise _Wrong(f"of fields it has {len(fields)}; write five: {', '.join(field.name for field in _FIELDS)}")
    return fields


def _cron(fields: list[str]) -> Cron:
    minutes, hours, days, months, weekdays = map(_values, _FIELDS, fields)
    made = Cron(
        times=tuple(sorted(hour * HOUR + minute * MINUTE for hour in hours for minute in minutes)),
        days=days,
        months=months,
        weekdays=frozenset((day - 1) % 7 for day in weekdays),
        either=not fields[2].startswith("*") and not fields[4].startswith("*"),
    )
    if not made.either and min(days) > (longest := max(_DAYS_OF_MONTH[month - 1] for month in months)):
        raise _Wrong(
            f"it never comes, for the longest month it names has {longest} days; write an earlier day-of-month"
        )
    return made


def _values(field: _Field, text: str) -> frozenset[int]:
    return frozenset(value for part in text.split(",") for value in _part(field, part))


def _part(field: _Field, part: str) -> range:
    """Return the values of one part of a list: a value, a range or a star, the latter two perhaps with a step."""
    term, slash, step = part.partition("/")
    found = _TERM.fullmatch(term)
    if not found:
        raise _Wrong(f"{part!r} in the field {field.name} is no value; write as in 5, 1-5, */10, 10-30/5 or 1,15")
    values = range(field.least, field.greatest + 1) if found["every"] else _range(field, found["start"], found["end"])
    if not slash:
        return values
    if not found["every"] and not found["end"]:
        raise _Wrong(
            f"{part!r} in the field {field.name} has a step without a range; write {term}-{field.greatest}/{step}"
        )
    return values[:: _step(field, part, step, len(values))]


def _range(field: _Field, start: str, end: str | None) -> range:
    first = _value(field, start)
    if end is None or end == start:
        return range(first, first + 1)
    last = _SUNDAY if end == "sun" else _value(field, end)
    if last < first:
        fix = f"{start}-{field.greatest},{field.least}-{end}"
        raise _Wrong(f"{start}-{end} in the field {field.name} goes backwards; write {fix}")
    return range(first, last + 1)


def _value(field: _Field, text: str) -> int:
    if text in field.names:
        return field.names.index(text) + (field.least if field.names is _MONTHS else 0)
    if text.isdigit() and field.least <= int(text) <= field.greatest:
        return int(text)
    named = f" or {field.names[0]} to {field.names[-1]}" if field.names else ""
    raise _Wrong(f"{text!r} in the field {field.name} is none of {field.least} to {field.greatest}{named}")


def _step(field: _Field, part: str, text: str, values: int) -> int:
    step = int(text) if re.fullmatch(r"[0-9]{1,3}", text) else 0
    if not 1 <= step < max(values, 2):
        greatest = max(values - 1, 1)
        raise _Wrong(f"the step of {part!r} in the field {field.name} is not from 1 to {greatest}; write one that is")
    return step
