"""What a file looks like, found out from its beginning and said in words: encoding, delimiter, dates, decimal sign."""

from __future__ import annotations

import codecs
import csv
import gzip
import lzma
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

import attrs

SAMPLE_BYTES = 1 << 20
SAMPLE_ROWS = 1000
_OPEN: dict[str, Callable[..., IO[Any]]] = {".gz": gzip.open, ".xz": lzma.open}
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_HINT = re.compile(r"sep=(.?)", re.IGNORECASE)
_DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}

EPOCH = "epoch"
#: As Go prints times: 2024-03-01 09:15:22.123 +0000 UTC.
GO = "go"
ISO = ""
#: Seconds since 1970 of the years 1973 to 2286.
_EPOCH_DIGITS = (9, 10)
_DAYS = (
    "%d.%m.%Y",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%Y/%m/%d",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%d %b %Y",
    "%d %B %Y",
    "%b %d, %Y",
    "%B %d, %Y",
)
_TIMES = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
_FORMATS = tuple(day + time for day in _DAYS for time in _TIMES)
_CURRENCY = re.compile(r"^[^\d+\-.,]{0,4}|[^\d.,]{0,4}$")
_NUMBER = {".": re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?"), ",": re.compile(r"[+-]?\d{1,3}([. ]\d{3})+(,\d+)?")}


@attrs.frozen(kw_only=True)
class Layout:
    """How a text file is written: its encoding (a Python codec) and the delimiter of its cells."""

    encoding: str = "utf-8-sig"
    delimiter: str = ","

    def __str__(self) -> str:
        return f"{self.encoding.removesuffix('-sig')}, {_DELIMITERS.get(self.delimiter, self.delimiter)}-separated"


def opener(path: Path) -> Callable[..., IO[Any]]:
    """Return what opens a file, compressed or not, by its name."""
    return _OPEN.get(path.suffix.lower(), open)


def layout(path: Path) -> Layout:
    """Return how a text file is written, by its first megabyte; raise OSError."""
    with opener(path)(path, "rb") as file:
        start: bytes = file.read(SAMPLE_BYTES)
    encoding = _encoding(start)
    return Layout(encoding=encoding, delimiter=_delimiter(start.decode(encoding, "replace")))


def _encoding(start: bytes) -> str:
    for mark, encoding in _BOMS:
        if start.startswith(mark):
            return encoding
    zeros = start[:1000].count(0)
    if zeros > len(start[:1000]) // 4:
        return "utf-16-le" if start[1:2] == b"\0" else "utf-16-be"
    return "utf-8-sig" if _is_mostly_utf8(start) else "cp1252"


def _is_mostly_utf8(start: bytes) -> bool:
    """A few broken lines do not make another encoding: what is UTF-8 by accident is rare beyond ASCII."""
    lines = [line for line in start.split(b"\n")[:-1] or [start] if not line.isascii()]
    fitting = sum(_decodes(line) for line in lines)
    return 2 * fitting >= len(lines)


def _decodes(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def is_hint(cells: Sequence[str]) -> bool:
    """Tell whether a first line is the one that tells Excel the delimiter, as in "sep=;"."""
    return _HINT.fullmatch(cells[0]) is not None and not any(cells[1:])


def _delimiter(start: str) -> str:
    lines = start.splitlines()[:50]
    if lines and (hint := _HINT.fullmatch(lines[0])) and hint[1] in _DELIMITERS:
        return hint[1]
    return max(_DELIMITERS, key=lambda sign: _fit(lines, sign)) if lines else ","


def _fit(lines: Sequence[str], sign: str) -> tuple[float, int]:
    try:
        widths = [len(row) for row in csv.reader(lines, delimiter=sign) if row]
    except csv.Error:
        return 0, 0
    if not widths or widths[0] == 1:
        return 0, 0
    return sum(width == widths[0] for width in widths) / len(widths), widths[0]


def time_formats(cells: Iterable[str]) -> list[str]:
    """Return the formats that every filled cell fits: strptime, ISO, EPOCH or GO."""
    fitting = [ISO, *_FORMATS, EPOCH, GO]
    seen = False
    for cell in cells:
        if cell:
            seen = True
            fitting = [form for form in fitting if _fits(cell, form)]
    return fitting if seen else []


def _fits(cell: str, form: str) -> bool:
    if (form == EPOCH and len(cell) not in _EPOCH_DIGITS) or (form == ISO and cell[4:5] != "-"):
        return False
    try:
        read_time(cell, form)
    except (ValueError, OverflowError):
        return False
    return True


@lru_cache(maxsize=4096)
def read_time(text: str, form: str) -> datetime:
    """Return the moment a text says, with a zone only where it says one; raise ValueError."""
    if form == EPOCH:
        return datetime.fromtimestamp(int(text), UTC)
    if form == ISO:
        return datetime.fromisoformat(text)
    if form == GO:
        day, time, offset, _ = text.split(" ")
        return datetime.fromisoformat(f"{day}T{time}{offset}")
    return datetime.strptime(text, form)  # noqa: DTZ007 - the mapping says the zone


def decimal_sign(cells: Iterable[str]) -> str | None:
    """Return "." or "," as the decimal sign of numbers, None where the cells are no numbers."""
    filled = [cell for cell in cells if cell]
    fitting = [sign for sign in (".", ",") if filled and all(_is_number(cell, sign) for cell in filled)]
    return fitting[0] if fitting else None


def _is_number(cell: str, sign: str) -> bool:
    try:
        read_number(cell, sign)
    except ValueError:
        return False
    return True


def read_number(text: str, sign: str = ".") -> Decimal:
    """Return the number a text says, thousands grouped or not, currency signs left out; raise ValueError."""
    if "_" in text:
        raise ValueError(text)
    try:
        return Decimal(text) if sign == "." else Decimal(_plain(text, sign))
    except InvalidOperation:
        pass
    try:
        return Decimal(_plain(_CURRENCY.sub("", text), sign))
    except InvalidOperation as error:
        raise ValueError(text) from error


def _plain(text: str, sign: str) -> str:
    text = text.replace("\u00a0", " ").replace("\u202f", " ").strip()
    if _NUMBER[sign].fullmatch(text):
        text = text.replace("," if sign == "." else ".", "").replace(" ", "")
    elif sign == "," and "." in text:
        return ""
    return text.replace(",", ".") if sign == "," else text
