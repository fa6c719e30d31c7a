"""Files of rows, written beside their place and put there once they are whole."""

from __future__ import annotations

import csv
import gzip
import io
import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO, Any, cast

from crmcore.errors import InvalidFile
from crmcore.flow.exporting import arrow
from crmcore.flow.exporting.cells import WRITE, Column

Rows = Sequence[tuple[Any, ...]]
Take = Callable[[Rows], None]
Format = Callable[[IO[bytes], Sequence[Column]], AbstractContextManager[Take]]


def write(path: Path, form: Format, columns: Sequence[Column], pages: Iterable[Rows]) -> None:
    """Write rows to a file; it takes its place when it is whole. Raise InvalidFile where it cannot be written."""
    try:
        with _replacing(path) as file, form(file, columns) as take:
            for page in pages:
                take(page)
    except OSError as error:
        raise InvalidFile(file=path, place="the file", problem=f"it cannot be written ({error})") from error


def format_of(path: Path) -> Format:
    """Return how a file of this name is written; raise InvalidFile, MissingExtra."""
    form = next((form for suffix, form in FORMATS.items() if path.name.endswith(suffix)), None)
    if form is None:
        problem = f"an export ends in {', '.join(FORMATS)}; spreadsheets open .csv"
        raise InvalidFile(file=path, place="its name", problem=problem)
    if form is arrow.rows:
        arrow.needed()
    return form


@contextmanager
def _replacing(path: Path) -> Iterator[IO[bytes]]:
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with beside.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


@contextmanager
def _csv(file: IO[bytes], columns: Sequence[Column]) -> Iterator[Take]:
    """The mark at its beginning tells spreadsheets that it is UTF-8."""
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    writer = csv.writer(text)
    writer.writerow([column.name for column in columns])
    cell_of = [WRITE[column.kind] for column in columns]

    def take(rows: Rows) -> None:
        columns = zip(*rows, strict=True)
        cells = [
            [None if value is None else cell(value) for value in column]
            for cell, column in zip(cell_of, columns, strict=True)
        ]
        writer.writerows(zip(*cells, strict=True))

    try:
        yield take
    finally:
        text.detach()


@contextmanager
def _csv_gz(file: IO[bytes], columns: Sequence[Column]) -> Iterator[Take]:
    """No name and no time in it: the same rows give the same bytes."""
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed,
        _csv(cast("IO[bytes]", packed), columns) as take,
    ):
        yield take


FORMATS: dict[str, Format] = {
    ".csv": _csv,
    ".csv.gz": _csv_gz,
    ".arrow": arrow.rows,
    ".feather": arrow.rows,
    ".ipc": arrow.rows,
}
