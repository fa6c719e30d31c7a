"""Files that list customers: one a line, or a table with a column of them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from pathlib import Path

import attrs

from crmcore.errors import InputError, InvalidFile
from crmcore.flow.importing import reading
from crmcore.model.identity import Identity, identity


@attrs.frozen(kw_only=True)
class Listed:
    """A customer a file names, and the line that does."""

    line: int
    who: Identity


def listed(path: Path, kind: str, column: str | None) -> list[Listed]:
    """Return the customers of a file, each named by an identity of a kind; empty lines name none.

    With a column the file is a table (CSV, also .gz and .xz, XLSX, Arrow), else it has one customer a line. Raise
    InvalidFile naming the line, or the column.
    """
    cells = _lines(path) if column is None else _cells(path, column)
    found = list(_listed(path, kind, cells))
    if not found:
        raise InvalidFile(file=path, place="the file", problem="it names no customer")
    return found


def _listed(path: Path, kind: str, cells: Iterable[tuple[int, str]]) -> Iterator[Listed]:
    for line, cell in cells:
        try:
            yield Listed(line=line, who=identity(kind, cell, "customer"))
        except InputError as error:
            raise InvalidFile(file=path, place=f"line {line}", problem=str(error)) from error


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    if not reading.is_text(path):
        raise InvalidFile(
            file=path, place="the file", problem="it is a table; --column says which is its column of customers"
        )
    with reading.text(path) as file:
        yield from ((line, text.strip()) for line, text in enumerate(file, start=1) if text.strip())


def _cells(path: Path, column: str) -> Iterator[tuple[int, str]]:
    with reading.table(path) as found:
        if column not in found.header:
            near = difflib.get_close_matches(column, found.header, 1)
            meant = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(found.header)}"
            raise InvalidFile(file=path, place="line 1", problem=f"it has no column {column!r}; {meant}")
        place = found.header.index(column)
        for row in found.rows:
            if row.problem:
                raise InvalidFile(file=path, place=f"line {row.number}", problem=row.problem)
            yield row.number, row.cells[place]
