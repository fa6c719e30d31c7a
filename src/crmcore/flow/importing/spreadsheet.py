"""XLSX files, measured before they are opened: python-calamine reads a whole sheet into memory."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crmcore.errors import InvalidFile, MissingExtra

if TYPE_CHECKING:
    from python_calamine import CalamineWorkbook

#: What a workbook may take when it is unpacked, and how much of that may be air.
MAX_UNPACKED = 200 << 20
MAX_RATIO = 200
SMALL = 10 << 20
#: A sheet is held as rows times columns, filled or not.
MAX_CELLS = 20_000_000
CHUNK = 1 << 20
_CELL = re.compile(rb"""<(?:\w+:)?c\b[^>]*?\br=["']([A-Z]{1,3})(\d{1,7})["']""")
_OVERLAP = 200
_ERRORS = ("#N/A", "#REF!", "#DIV/0!", "#VALUE!", "#NAME?", "#NULL!", "#NUM!")


def rows(path: Path, sheet: str | None) -> Iterator[tuple[str, ...]]:
    """Yield the rows of a sheet (the first to be seen, unless one is named) as text; raise InvalidFile, MissingExtra."""
    try:
        import python_calamine
    except ImportError as error:
        raise MissingExtra(what="reading XLSX files", extra="xlsx") from error
    _measure(path)
    try:
        book = python_calamine.CalamineWorkbook.from_path(str(path))
        found = book.get_sheet_by_name(sheet or _first(book))
    except (python_calamine.CalamineError, zipfile.BadZipFile, IndexError) as error:
        raise InvalidFile(file=path, place=f"sheet {sheet or 1}", problem=str(error)) from error
    for row in found.iter_rows():
        yield tuple(_text(cell) for cell in row)


def _first(book: CalamineWorkbook) -> str:
    """Return the name of the first sheet of cells that is not hidden; raise IndexError where there is no sheet."""
    from python_calamine import SheetTypeEnum, SheetVisibleEnum

    cells, visible = SheetTypeEnum.WorkSheet, SheetVisibleEnum.Visible
    seen = (one.name for one in book.sheets_metadata if one.typ == cells and one.visible == visible)
    return next(seen, book.sheet_names[0])


def is_error(cell: str) -> bool:
    """Tell whether a cell is one of a spreadsheet's errors."""
    return cell in _ERRORS


def _text(cell: Any) -> str:
    """Return a cell as the text a CSV file would hold: ISO 8601 times, numbers without noise."""
    match cell:
        case bool():
            return "true" if cell else "false"
        case float():
            return str(int(cell)) if cell.is_integer() and abs(cell) < 2**53 else f"{cell:.15g}"
        case datetime() | date() | time():
            return cell.isoformat()
        case timedelta():
            return str(cell.total_seconds())
    return "" if cell is None else str(cell)


def _measure(path: Path) -> None:
    """Raise InvalidFile for a workbook that would not fit into memory, without unpacking it there."""
    try:
        with zipfile.ZipFile(path) as archive:
            left = MAX_UNPACKED
            for member in archive.infolist():
                left = _unpack(path, archive, member, left)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        raise InvalidFile(file=path, place="the file", problem=f"it is no XLSX workbook ({error})") from error


def _unpack(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo, left: int) -> int:
    size, is_sheet = 0, member.filename.startswith("xl/worksheets/")
    bounds, tail = _Bounds(), b""
    with archive.open(member) as file:
        while chunk := file.read(CHUNK):
            size += len(chunk)
            if size > left or (size > SMALL and size > MAX_RATIO * max(member.compress_size, 1)):
                problem = f"{member.filename} unpacks to more than {size:,} bytes; save the sheet as CSV"
                raise InvalidFile(file=path, place="the file", problem=problem)
            if is_sheet:
                bounds.see(tail + chunk)
                tail = chunk[-_OVERLAP:]
    if bounds.cells > MAX_CELLS:
        problem = f"it spans {bounds.columns:,} columns and {bounds.rows:,} rows, filled or not; save it as CSV"
        raise InvalidFile(file=path, place=member.filename, problem=problem)
    return left - size


class _Bounds:
    """How far the cells of a sheet reach."""

    def __init__(self) -> None:
        self.rows = self.columns = 0

    @property
    def cells(self) -> int:
        return self.rows * self.columns

    def see(self, xml: bytes) -> None:
        for letters, number in _CELL.findall(xml):
            self.rows = max(self.rows, int(number))
            self.columns = max(self.columns, _column(letters))


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = 26 * number + letter - 64
    return number
