"""Refused lines in a file of their own: each with where it came from and why, to be corrected and imported again."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

import attrs

from crmcore.errors import InvalidFile
from crmcore.flow.importing.reading import Row, Table
from crmcore.store.imports import Refused

#: The columns that stand after a file's own.
LINE, REASON = "crm_line", "crm_reason"


@attrs.frozen(kw_only=True)
class Unmarked:
    """A file without those columns, and where its rows were refused before, as (import, line number), by row number."""

    table: Table
    corrects: dict[int, tuple[int, int]]


def unmark(table: Table) -> Unmarked:
    """Return a file without the columns that say why lines were refused; other files as they are."""
    if table.header[-2:] != (LINE, REASON):
        return Unmarked(table=table, corrects={})
    corrects: dict[int, tuple[int, int]] = {}
    rows = (_unmarked(row, corrects) for row in table.rows)
    return Unmarked(table=Table(header=table.header[:-2], rows=rows), corrects=corrects)


def _unmarked(row: Row, corrects: dict[int, tuple[int, int]]) -> Row:
    if row.problem or not row.cells:
        return row
    import_id, _, number = row.cells[-2].partition(":")
    if import_id.isdecimal() and number.isdecimal():
        corrects[row.number] = (int(import_id), int(number))
    return attrs.evolve(row, cells=row.cells[:-2])


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
                cells = [*one.cells, *[""] * (len(header) - len(one.cells))][: len(header)]
                writer.writerow([*cells, f"{import_id}:{one.number}", one.reason])
                count += 1
    except OSError as error:
        raise InvalidFile(file=path, place="the file", problem=f"it cannot be written ({error})") from error
    return count
