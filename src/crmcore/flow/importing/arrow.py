"""Arrow files (IPC, Feather) as lines of text: what an export wrote gives the cells that its CSV file has."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from crmcore.errors import InvalidFile
from crmcore.flow.exporting.arrow import KIND, needed
from crmcore.flow.exporting.cells import WRITE, time_cell

SUFFIXES = (".arrow", ".feather", ".ipc")
#: How many rows are looked at together.
ROWS = 1000
#: Floats hold whole numbers without loss up to here.
EXACT = 2**53


def rows(path: Path) -> Iterator[tuple[str, ...]]:
    """Yield the header and the rows; raise InvalidFile, MissingExtra."""
    pa = needed()
    try:
        with pa.memory_map(str(path)) as file:
            yield from _rows(pa, pa.ipc.open_file(file))
    except pa.ArrowInvalid as error:
        raise InvalidFile(file=path, place="the file", problem=f"it is no Arrow IPC file ({error})") from error


def _rows(pa: Any, reader: Any) -> Iterator[tuple[str, ...]]:
    yield tuple(reader.schema.names)
    for number in range(reader.num_record_batches):
        batch = reader.get_batch(number)
        batch.validate(full=True)
        for start in range(0, batch.num_rows, ROWS):
            some = batch.slice(start, ROWS)
            columns = [_cells(pa, field, cells) for field, cells in zip(reader.schema, some.columns, strict=True)]
            yield from zip(*columns, strict=True)


def _cells(pa: Any, field: Any, cells: Any) -> list[str]:
    if pa.types.is_timestamp(field.type):
        # As integers: an ISO 8601 time ends with the year 9999.
        whole = cells.cast(pa.timestamp("us", field.type.tz), safe=False).cast(pa.int64())
        zone = "" if field.type.tz else "Z"
        return ["" if one is None else time_cell(one).removesuffix(zone) for one in whole.to_pylist()]
    write = _writing(field)
    return ["" if one is None else write(one) for one in cells.to_pylist()]


def _writing(field: Any) -> Callable[[Any], str]:
    kind = (field.metadata or {}).get(KIND, b"").decode()
    return WRITE.get(kind, _text)


def _text(value: Any) -> str:
    """Return a value of a file that somebody else wrote as the text a CSV file would hold."""
    match value:
        case bool():
            return "true" if value else "false"
        case float():
            return str(int(value)) if value.is_integer() and abs(value) < EXACT else repr(value)
        case datetime() | date() | time():
            return value.isoformat()
        case list() | dict():
            return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)
