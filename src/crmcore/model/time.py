"""Time is an integer: microseconds since 1970-01-01 UTC. Datetimes live at the edges."""

from __future__ import annotations

import re
import time
from datetime import UTC, date, datetime, timedelta
from typing import Protocol

import attrs

from crmcore.errors import InvalidTime

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EPOCH_DAY = date(1970, 1, 1)
MICROSECOND = timedelta(microseconds=1)
SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
LONGEST_SPAN = 36_525 * DAY
UNITS = {"s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY}
UNIT_WORDS = {"second": SECOND, "minute": MINUTE, "hour": HOUR, "day": DAY, "week": UNITS["w"]}
UNIT_WORDS |= {f"{word}s": span for word, span in UNIT_WORDS.items()}
DURATION = re.compile(rf"(\d{{1,9}})(?:([smhdw])|\s*((?i:{'|'.join(UNIT_WORDS)})))")


class Clock(Protocol):
    """Where the time comes from."""

    def now(self) -> int:
        """Return the microseconds since 1970-01-01 UTC."""


@attrs.frozen
class SystemClock:
    """The machine's clock."""

    def now(self) -> int:
        """Return the microseconds since 1970-01-01 UTC."""
        return time.time_ns() // 1000


@attrs.frozen
class PinnedClock:
    """A clock that stands still: demos and copies of a past state."""

    at: int

    def now(self) -> int:
        """Return the time it stands at."""
        return self.at


class TurnedClock:
    """A clock that stands still until it is turned: tests, dry runs, backtests."""

    def __init__(self, at: datetime | int) -> None:
        self._at = microseconds(at, "clock")

    def now(self) -> int:
        """Return the time in microseconds UTC."""
        return self._at

    def turn(self, by: str | timedelta) -> None:
        """Go forward by a duration such as "90s", "36h" or "14d"."""
        self._at += duration(by, "clock")

    def turn_to(self, at: datetime | int) -> None:
        """Go forward to a time; where it is later already, it stays."""
        self._at = max(self._at, microseconds(at, "clock"))


def microseconds(moment: datetime | int, place: str) -> int:
    """Return `moment` as microseconds UTC; raise InvalidTime for a datetime without time zone."""
    if type(moment) is int:
        return moment
    if not isinstance(moment, datetime):
        raise InvalidTime(place=place, problem=f"{moment!r} is neither a datetime nor integer microseconds")
    if moment.tzinfo is None:
        raise InvalidTime(place=place, problem=f"{moment.isoformat()} has no time zone; add one, as in tzinfo=UTC")
    return (moment - EPOCH) // MICROSECOND


def moment(at: int) -> datetime:
    """Return microseconds UTC as a datetime in UTC."""
    return EPOCH + timedelta(microseconds=at)


def iso(at: int) -> str:
    """Return microseconds UTC as ISO 8601 text; what no calendar date can say, in microseconds."""
    try:
        return moment(at).isoformat()
    except OverflowError:
        return f"{at} microseconds"


def duration(text: str | int | timedelta, place: str) -> int:
    """Return a duration such as "90s", "15m", "36h", "365d", "2w", "30 days", or a timedelta, in microseconds."""
    if isinstance(text, timedelta):
        return text // MICROSECOND
    if type(text) is int:
        return text
    match = DURATION.fullmatch(str(text))
    if not match:
        raise InvalidTime(
            place=place, problem=f"{text!r} is no duration; write a number and s, m, h, d or w, as in '30d'"
        )
    return int(match[1]) * (UNITS[match[2]] if match[2] else UNIT_WORDS[match[3].lower()])


def span(text: str | int | timedelta, place: str) -> int:
    """Return a duration that can be added to any time there is; raise InvalidTime for one of more than 100 years."""
    found = duration(text, place)
    if found > LONGEST_SPAN:
        raise InvalidTime(place=place, problem=f"{text!r} is more than 100 years")
    return found
