"""Refused lines in a file of their own: each with where it came from and why, to be corrected and imported again."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import attrs

from crmcore.errors import InvalidFile
from crmcore.flow.importing.reading import Row, Table
from crmcore.store.imports import Refused

#: The columns that stand after a file's own.
LINE, REASON = "crm_line", "crm_reason"
#: An import and a line of its file, both within 63 bits.
_MARK = re.compile(r"([0-8]?[0-9]{1,18}):([0-9]{1,18})")


@attrs.frozen(kw_only=True)
class Unmarked:
    """A file without those columns, and where its rows were refused before, as (import, line number), by row number."""

    table: Table
    corrects: dict[int, tuple[int, int]]


def columns_of(header: Sequence[str]) -> list[int]:
    """Return where the columns stand that are a file's own: all, unless it says why its lines were refused."""
    marks = (LINE, REASON) if {LINE, REASON} <= set(header) else ()
    return [place for place, name in enumerate(header) if name not in marks]


def unmark(table: Table) -> Unmarked:
    """Return a file without the columns that say why lines were refused; other files as they are."""
    own = columns_of(table.header)
    if len(own) == len(table.header):
        return Unmarked(table=table, corrects={})
    corrects: dict[int, tuple[int, int]] = {}
    line = table.header.index(LINE)
    rows = (_unmarked(row, own, line, corrects) for row in table.rows)
    return Unmarked(table=Table(header=tuple(table.header[one] for one in own), rows=rows), corrects=corrects)


def _unmarked(row: Row, own: Sequence[int], line: int, corrects: dict[int, tuple[int, int]]) -> Row:
    if row.problem or not row.cells:
        return row
    if marked := _MARK.fullmatch(row.cells[line].strip()):
        corrects[row.number] = (int(marked[1]), int(marked[2]))
    return attrs.evolve(row, cells=tuple(row.cells[one] for one in own))


def write(path: Path, header: Sequence[str], delimiter: str, import_id: int, refused: Iterable[Refused]) -> int:
    """Write refused lines as a CSV file; return how many they are. Cells are as they came: nobody's formulas are undone.

    Raise InvalidFile where it cannot be written.
    """
    count = 0
    try:
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.writer(file, delimiter=delimiter)
            writer.writerow([*header, LINE, REASON])
            for one in refused:
                cells = [*one.cells, *[""] * (len(header) - len(one.cells))]
                writer.writerow([*cells, f"{import_id}:{one.number}", one.reason])
                count += 1
    except OSError as error:
        raise InvalidFile(file=path, place="the file", problem=f"it cannot be written ({error})") from error
    return count
