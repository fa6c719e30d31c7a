"""Dates, times and lengths of time, as texts write them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from datetime import time as clock

from crmcore.model.time import DAY, UNIT_WORDS, microseconds
from crmcore.model.values import checked_int, normalise
from crmcore.model.wording.cursor import Cursor
from crmcore.model.wording.scanning import Token
from crmcore.model.wording.words import DIGITS, UNITS_BY_NAME


def time(cursor: Cursor) -> date | datetime:
    """Return a date, or a time with its zone, in UTC."""
    token = cursor.peek()
    if token.kind != "time":
        raise cursor.unexpected(f"a date or time, {_AS_IN}")
    raw = cursor.next().raw.upper()
    if _ZONELESS.fullmatch(raw):
        raise cursor.refused(token, f"{token} has no time zone; add one, as in Z for UTC or +07:00")
    if not _TIME.fullmatch(raw):
        raise cursor.refused(token, f"{token} is no date or time; write it {_AS_IN}")
    with cursor.placed(token):
        try:
            found = datetime.fromisoformat(raw) if "T" in raw else date.fromisoformat(raw)
        except ValueError as error:
            raise cursor.refused(token, f"{token} is not in the calendar: {error}") from error
        return normalise(found, "the time")  # type: ignore[return-value]  # a date stays one, a datetime too


_AS_IN = "as in 2026-01-31 or 2026-01-31T10:00:00Z"
_ZONELESS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?")
_TIME = re.compile(r"\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d:\d\d))?")


def moment(cursor: Cursor) -> int:
    """Return a moment in microseconds; a date is its midnight in UTC, `5us` what no calendar says."""
    token = cursor.peek()
    if token.kind == "span" and token.raw.endswith("us"):
        return span(cursor)
    found = time(cursor)
    whole = found if isinstance(found, datetime) else datetime.combine(found, clock(), UTC)
    return microseconds(whole, "the time")


def span(cursor: Cursor) -> int:
    """Return a length of time in microseconds: `30d`, or `30 days`."""
    token = cursor.peek()
    if token.kind == "number" and cursor.peek(1).kind == "word":
        return _span_in_words(cursor)
    if token.kind != "span":
        raise cursor.unexpected("a length of time, as in 90s, 15m, 36h, 30d or 2w")
    raw = cursor.next().raw
    unit = raw.lstrip("-0123456789")
    return _times(cursor, token, raw.removesuffix(unit), UNITS_BY_NAME[unit])


def _span_in_words(cursor: Cursor) -> int:
    token, unit = cursor.next(), cursor.peek()
    if unit.raw.lower() not in UNIT_WORDS:
        raise cursor.unexpected("a unit of time, as in 30d or 30 days", UNIT_WORDS)
    return _times(cursor, token, token.raw, UNIT_WORDS[cursor.next().raw.lower()])


def _times(cursor: Cursor, token: Token, count: str, unit: int) -> int:
    digits = count.lstrip("-0") or "0"
    if len(digits) > DIGITS or "." in count:
        raise cursor.refused(token, f"expected a whole number of at most {DIGITS} digits, found {token}")
    with cursor.placed(token):
        return checked_int((-1 if count.startswith("-") else 1) * int(digits) * unit, "the length of time")


def days(cursor: Cursor) -> int:
    """Return a length of time in whole days."""
    token = cursor.peek()
    found, rest = divmod(span(cursor), DAY)
    if rest:
        raise cursor.refused(token, f"expected whole days, as in 7d, found {token}")
    return found
