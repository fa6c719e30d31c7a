"""Files of lines, read one at a time and never more than a bounded line; .gz and .xz too."""

from __future__ import annotations

import csv
import gzip
import lzma
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import attrs

from crmcore.errors import InvalidFile

MAX_LINE = 1_000_000
_OPEN: dict[str, Callable[..., IO[Any]]] = {".gz": gzip.open, ".xz": lzma.open}


@attrs.frozen
class Row:
    """One line of a file; `number` counts from 1, the header being 1; `problem` where it cannot be read."""

    number: int
    cells: tuple[str, ...]
    problem: str = ""


@attrs.frozen(kw_only=True)
class Table:
    """A file's header, and its rows as they are read."""

    header: tuple[str, ...]
    rows: Iterator[Row]


@contextmanager
def table(path: Path) -> Iterator[Table]:
    """Open a CSV file; raise InvalidFile where it is empty, not UTF-8 in its header, or names a column twice."""
    try:
        with _opened(path) as file:
            lines = _Lines(file)
            rows = csv.reader(lines, strict=True)
            header = _header(path, rows)
            yield Table(header=header, rows=_rows(lines, rows, len(header)))
    except (OSError, EOFError, lzma.LZMAError) as error:
        raise InvalidFile(file=path, place="the file", problem=f"it cannot be read ({error})") from error


def count_lines(path: Path) -> int:
    """Return how many lines a file has, at a glance."""
    with _OPEN.get(path.suffix, open)(path, "rb") as file:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(1 << 20), b""))


def _opened(path: Path) -> IO[str]:
    opened: IO[str] = _OPEN.get(path.suffix, open)(
        path, "rt", encoding="utf-8-sig", errors="surrogateescape", newline=""
    )
    return opened


class _Lines:
    """The lines of a file; one that is too long comes as an empty one, and is remembered."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self.too_long = 0

    def __iter__(self) -> Iterator[str]:
        while line := self._file.readline(MAX_LINE + 1):
            if len(line) <= MAX_LINE:
                yield line
            else:
                self.too_long = self._skip(len(line))
                yield '""\n'

    def _skip(self, length: int) -> int:
        while (rest := self._file.readline(MAX_LINE)) and not rest.endswith("\n"):
            length += len(rest)
        return length + len(rest)


def _header(path: Path, rows: Iterator[list[str]]) -> tuple[str, ...]:
    try:
        header = tuple(name.strip() for name in next(rows))
    except StopIteration:
        raise InvalidFile(file=path, place="line 1", problem="the file is empty; a header line is needed") from None
    except csv.Error as error:
        raise InvalidFile(file=path, place="line 1", problem=str(error)) from error
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice or not any(header):
        raise InvalidFile(
            file=path, place="line 1", problem=f"column {(twice or [''])[0]!r} stands there twice or is empty"
        )
    return header


def _rows(lines: _Lines, rows: Iterator[list[str]], width: int) -> Iterator[Row]:
    number = 1
    while True:
        number += 1
        try:
            cells = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            yield Row(number, (), f"it is no valid CSV: {error}")
            continue
        problem = _problem(lines, cells, width)
        lines.too_long = 0
        if cells or problem:
            yield Row(number, tuple(cells), problem)


def _problem(lines: _Lines, cells: list[str], width: int) -> str:
    if lines.too_long:
        return f"it has {lines.too_long:,} characters, at most {MAX_LINE:,} fit"
    if cells and len(cells) != width:
        return f"it has {len(cells)} cells, the header {width}"
    if any(not cell.isascii() and _is_broken(cell) for cell in cells):
        return "it is not UTF-8"
    return ""


def _is_broken(cell: str) -> bool:
    return any("\udc80" <= letter <= "\udcff" for letter in cell)
