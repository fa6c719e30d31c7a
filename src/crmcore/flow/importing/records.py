"""From a text file to records: lines, but that a quoted cell may hold line breaks; never more than a bounded record.

What cannot be read is a record with a problem, and the next line is a new beginning: one quote that is never closed
takes no other line with it.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import attrs

from crmcore.errors import InvalidFile

#: How many characters a record may have.
MAX_RECORD = 1_000_000
#: A line that never ends is given up here.
MAX_SKIPPED = 1 << 30
_OPEN = "unexpected end of data"
_NEVER_CLOSED = "a quote is never closed"


@attrs.frozen
class Record:
    """The cells of one record, `number` being that of its first line; `problem` where it cannot be read."""

    number: int
    cells: tuple[str, ...]
    problem: str = ""


@attrs.frozen
class _Line:
    number: int
    text: str
    #: How long the line is, where that is too long to be kept.
    too_long: int = 0


def records(path: Path, file: IO[str], delimiter: str) -> Iterator[Record]:
    """Yield the records of a file; raise InvalidFile for a line without end."""
    lines = _Lines(path, file)
    while (line := lines.take()) is not None:
        if line.too_long:
            yield Record(line.number, (), f"it has {line.too_long:,} characters, at most {MAX_RECORD:,} fit")
        elif line.text.count('"') % 2:
            yield _gathered(lines, line, delimiter)
        else:
            yield _read(line.number, line.text, delimiter)


class _Lines:
    """The lines of a file; what was taken too many can be given back."""

    def __init__(self, path: Path, file: IO[str]) -> None:
        self._path, self._file = path, file
        self._number = 0
        self._back: deque[_Line] = deque()

    def take(self) -> _Line | None:
        if self._back:
            return self._back.popleft()
        text = self._file.readline(MAX_RECORD + 1)
        if not text:
            return None
        self._number += 1
        if len(text) <= MAX_RECORD:
            return _Line(self._number, text)
        return _Line(self._number, "", self._skip(len(text)))

    def give_back(self, lines: list[_Line]) -> None:
        self._back.extendleft(reversed(lines))

    def _skip(self, length: int) -> int:
        while (rest := self._file.readline(MAX_RECORD)) and not rest.endswith(("\n", "\r")):
            length += len(rest)
            if length > MAX_SKIPPED:
                place = f"line {self._number}"
                raise InvalidFile(file=self._path, place=place, problem=f"it has over {length:,} characters")
        return length + len(rest)


def _gathered(lines: _Lines, first: _Line, delimiter: str) -> Record:
    """Return a record whose quote may be open at the end of its first line."""
    taken, length = [first], len(first.text)
    record = _read(first.number, first.text, delimiter)
    while record.problem == _OPEN:
        line = lines.take()
        if line is not None:
            taken.append(line)
            length += len(line.text) + line.too_long
        if line is None or length > MAX_RECORD:
            lines.give_back(taken[1:])
            return Record(first.number, (), _NEVER_CLOSED)
        if line.text.count('"') % 2:
            record = _read(first.number, "".join(one.text for one in taken), delimiter)
    return record


def _read(number: int, text: str, delimiter: str) -> Record:
    try:
        return Record(number, tuple(next(csv.reader((text,), delimiter=delimiter, strict=True), ())))
    except csv.Error as error:
        return Record(number, (), _said(error))


def _said(error: csv.Error) -> str:
    said = str(error)
    if said == _OPEN:
        return _OPEN
    return f"it is no valid CSV: {'more than 131,072 characters in one cell' if 'field limit' in said else said}"
