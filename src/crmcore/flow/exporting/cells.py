"""How values stand in the cells of a file, and how they are read back: a pair of functions for each kind of column.

Text stands as `escaping` writes it; JSON, times (microseconds UTC, as ISO 8601), dates and numbers as everybody reads them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

import attrs

from crmcore.flow.importing import escaping, sniffing
from crmcore.model.time import EPOCH, MICROSECOND

Kind = Literal["text", "json", "int", "decimal", "bool", "date", "time"]
KINDS: tuple[Kind, ...] = ("text", "json", "int", "decimal", "bool", "date", "time")
#: The digits of the largest 64-bit integer, less one: "1e999999999" would take its billion digits of memory.
MAX_DIGITS = 18
_START = datetime(1970, 1, 1)  # noqa: DTZ001 - times are written in UTC throughout
_CONTROL = re.compile("[\x7f-\x9f]")
_MICROSECONDS = re.compile(r"-?\d{1,19}")
_TRUTH = {"true": True, "false": False}


@attrs.frozen
class Column:
    """A column of a file: its name in the header, and what its cells hold."""

    name: str
    kind: Kind


def time_cell(at: int) -> str:
    """Return a time as ISO 8601; before the year 1 and after 9999, which ISO 8601 cannot say, as it is."""
    try:
        return f"{(_START + timedelta(microseconds=at)).isoformat(timespec='microseconds')}Z"
    except OverflowError:
        return str(at)


def read_time(cell: str) -> int:
    """Return the time a cell says, one without zone being UTC; raise ValueError."""
    if _MICROSECONDS.fullmatch(cell):
        return int(cell)
    moment = datetime.fromisoformat(cell)
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return (aware - EPOCH) // MICROSECOND


def json_cell(text: str) -> str:
    """Return JSON as it is, without the control characters that JSON allows."""
    return text if text.isascii() and "\x7f" not in text else _CONTROL.sub(lambda one: f"\\u{ord(one[0]):04x}", text)


def _decimal_cell(number: Decimal) -> str:
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _read_decimal(cell: str) -> Decimal:
    number = sniffing.read_number(cell)
    if not number.is_finite() or number.adjusted() > MAX_DIGITS:
        raise ValueError(cell)
    return number


def _read_truth(cell: str) -> bool:
    if cell.casefold() not in _TRUTH:
        raise ValueError(cell)
    return _TRUTH[cell.casefold()]


#: From a value to its cell; no value has an empty cell.
WRITE: Mapping[Kind, Callable[[Any], str]] = {
    "text": escaping.escaped,
    "json": json_cell,
    "int": str,
    "decimal": _decimal_cell,
    "bool": lambda truth: "true" if truth else "false",
    "date": date.isoformat,
    "time": time_cell,
}
#: From a cell that is filled to its value; raise ValueError.
READ: Mapping[Kind, Callable[[str], Any]] = {
    "text": escaping.unescaped,
    "json": str,
    "int": int,
    "decimal": _read_decimal,
    "bool": _read_truth,
    "date": lambda cell: datetime.fromisoformat(cell).date(),
    "time": read_time,
}
