"""The next time that a wall clock shows a time of day, on some days of the week or all."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import tzinfo

from crmcore.errors import InvalidTime
from crmcore.model.time import DAY, HOUR, MINUTE
from crmcore.model.zones import instant, reached, weekday

#: The days of the week as they are written; Monday is 0.
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")


def time_of_day(text: str, place: str = "the time of day") -> int:
    """Return the microseconds since midnight of a time such as "09:00"; raise InvalidTime naming the place and the fix."""
    shown = _CLOCK.fullmatch(text) if isinstance(text, str) else None
    if shown is None:
        raise InvalidTime(place=place, problem=f"{text!r} is no time of day; write it as in '08:00' or '21:30'")
    return int(shown[1]) * HOUR + int(shown[2]) * MINUTE


def weekdays(names: Collection[str], place: str = "the days of the week") -> frozenset[int]:
    """Return the days of a list such as ("mon", "fri"), Monday as 0; raise InvalidTime naming the place and the fix."""
    if not isinstance(names, list | tuple | set | frozenset) or any(name not in DAYS for name in names):
        raise InvalidTime(place=place, problem=f"{names!r} is no list of weekdays; write some of {', '.join(DAYS)}")
    return frozenset(DAYS.index(name) for name in names)


def next_local(zone: tzinfo, at: int, time_of_day: int, weekdays: Collection[int] = frozenset()) -> int:
    """Return the first instant from `at` on at which a wall clock shows a time of day on one of the weekdays; none: all.

    Instants are microseconds UTC, times of day microseconds since midnight, Monday is 0. A time that is skipped counts
    when the clock is put forward, a time shown twice at its first showing alone.
    """
    shown = reached(zone, at - 1)
    day = (shown - time_of_day) // DAY + 1
    week = (one * DAY for one in range(day, day + 7))
    return instant(zone, next(one for one in week if not weekdays or weekday(one) in weekdays) + time_of_day)
