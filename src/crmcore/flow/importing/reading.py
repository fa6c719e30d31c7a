"""Files of lines as tables: CSV (.gz and .xz too), XLSX and Arrow."""

from __future__ import annotations

import lzma
import re
import unicodedata
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO

import attrs

from crmcore.errors import InvalidFile
from crmcore.flow.importing import arrow, sniffing, spreadsheet
from crmcore.flow.importing.records import Record, records
from crmcore.flow.importing.sniffing import Layout, opener

MAX_COLUMNS = 10_000
SPREADSHEETS = (".xlsx", ".xlsm")
#: The categories of control characters and of bytes that are not of the encoding.
_NO_TEXT = ("Cc", "Cs")
_BREAK = re.compile(r"\s*[\r\n]+\s*")
#: What stands for bytes that are not of the encoding.
_ESCAPED, _REPLACED = re.compile("[\udc80-\udcff]"), re.compile("\ufffd")


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
def table(path: Path, layout: Layout | None = None, sheet: str | None = None) -> Iterator[Table]:
    """Open a file of lines; raise InvalidFile where it is empty, unreadable in its header, or names a column twice."""
    with _readable(path):
        if not is_text(path):
            yield _arrow(path) if path.suffix.lower() in arrow.SUFFIXES else _sheet(path, sheet)
            return
        found = layout or sniffing.layout(path)
        with _opened(path, found) as file:
            rows = records(path, file, found.delimiter)
            header = _csv_header(path, rows)
            yield Table(header=header, rows=_rows(rows, len(header), found))


@contextmanager
def text(path: Path) -> Iterator[IO[str]]:
    """Open a file of lines that is no table, in the encoding it looks to be in; raise InvalidFile where it is unreadable."""
    with _readable(path), _opened(path, sniffing.layout(path)) as file:
        yield file


def layout_of(path: Path, encoding: str = "", delimiter: str = "") -> Layout:
    """Return how a file is written: as it is said to be, else as it looks; raise InvalidFile."""
    with _readable(path):
        found = sniffing.layout(path) if is_text(path) else Layout()
    return Layout(encoding=encoding or found.encoding, delimiter=delimiter or found.delimiter)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        if path.exists() and not path.is_file():
            problem = "it is no regular file; a device or pipe cannot be read twice"
            raise InvalidFile(file=path, place="the file", problem=problem)
        yield
    except (OSError, EOFError, UnicodeError, zlib.error, lzma.LZMAError) as error:
        raise InvalidFile(file=path, place="the file", problem=f"it cannot be read ({error})") from error


def sample(path: Path, layout: Layout | None = None, sheet: str | None = None) -> tuple[tuple[str, ...], list[Row]]:
    """Return the header and the first rows of a file."""
    with table(path, layout, sheet) as found:
        good = (row for row in islice(found.rows, sniffing.SAMPLE_ROWS) if not row.problem)
        return found.header, list(good)


def is_text(path: Path) -> bool:
    """Tell by its name whether a file holds lines of text: it is neither a workbook nor an Arrow file."""
    return path.suffix.lower() not in (*SPREADSHEETS, *arrow.SUFFIXES)


def count_lines(path: Path) -> int:
    """Return how many lines a file has, at a glance; 0 where that cannot be told."""
    if not is_text(path):
        return 0
    with opener(path)(path, "rb") as file:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(1 << 20), b""))


def _opened(path: Path, layout: Layout) -> IO[str]:
    errors = "replace" if layout.encoding.startswith("utf-16") else "surrogateescape"
    opened: IO[str] = opener(path)(path, "rt", encoding=layout.encoding, errors=errors, newline="")
    return opened


def _sheet(path: Path, sheet: str | None) -> Table:
    header, rows = _headed(path, spreadsheet.rows(path, sheet))
    return Table(header=header, rows=(_sheet_row(*one) for one in rows))


def _sheet_row(number: int, cells: tuple[str, ...]) -> Row:
    broken = next((cell for cell in cells if spreadsheet.is_error(cell)), "")
    return Row(number, cells, f"it holds the error {broken}" if broken else "")


def _arrow(path: Path) -> Table:
    header, rows = _headed(path, arrow.rows(path))
    return Table(header=header, rows=(Row(*one) for one in rows))


Numbered = Iterator[tuple[int, tuple[str, ...]]]


def _headed(path: Path, found: Iterator[tuple[str, ...]]) -> tuple[tuple[str, ...], Numbered]:
    """Return the header and the rows below it, each with its number; empty rows are none."""
    rows = ((number, cells) for number, cells in enumerate(found, start=1) if any(cells))
    _, header = next(rows, (1, ()))
    return _checked(path, tuple(map(_name, header))), rows


def _csv_header(path: Path, rows: Iterator[Record]) -> tuple[str, ...]:
    first = next((one for one in rows if one.problem or (one.cells and not sniffing.is_hint(one.cells))), Record(1, ()))
    if first.problem:
        raise InvalidFile(file=path, place=f"line {first.number}", problem=first.problem)
    return _checked(path, tuple(map(_name, first.cells)))


def _name(cell: str) -> str:
    """Return what a column is called: on one line, without blanks or byte order marks around it."""
    return _BREAK.sub(" ", cell.strip("\ufeff \t\r\n\xa0"))


def _checked(path: Path, header: tuple[str, ...]) -> tuple[str, ...]:
    if not header:
        raise InvalidFile(file=path, place="line 1", problem="the file is empty; a header line is needed")
    if len(header) > MAX_COLUMNS:
        raise InvalidFile(file=path, place="line 1", problem=f"{len(header):,} columns, at most {MAX_COLUMNS:,} fit")
    if any(unicodedata.category(sign) in _NO_TEXT for name in header for sign in name):
        raise InvalidFile(file=path, place="line 1", problem="it is no line of column names; is this a text file?")
    twice = sorted({name for name in header if header.count(name) > 1 and name})
    if twice or not any(header):
        raise InvalidFile(
            file=path, place="line 1", problem=f"column {(twice or [''])[0]!r} stands there twice or is empty"
        )
    return header


def _rows(found: Iterator[Record], width: int, layout: Layout) -> Iterator[Row]:
    for record in found:
        problem = record.problem or _problem(record.cells, width, layout)
        if record.cells or problem:
            yield Row(record.number, record.cells, problem)


def _problem(cells: Sequence[str], width: int, layout: Layout) -> str:
    if cells and len(cells) != width:
        return f"it has {len(cells)} cells, the header {width}"
    broken = _REPLACED if layout.encoding.startswith("utf-16") else _ESCAPED
    text = "".join(cells)
    if not text.isascii() and broken.search(text):
        return f"it is not {layout.encoding.removesuffix('-sig').upper()}"
    return ""
