"""Rows as Arrow IPC (Feather), typed, a record batch a page; Parquet takes the table as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any

from crmcore.errors import MissingExtra
from crmcore.flow.exporting.cells import Column, Kind

#: Where a field says what its text holds.
KIND = b"crmcore"
#: 64-bit integers with six places after the point fit.
DIGITS, PLACES = 25, 6


def needed() -> Any:
    """Return pyarrow; raise MissingExtra."""
    try:
        import pyarrow as pa
    except ImportError as error:
        raise MissingExtra(what="Arrow files", extra="arrow") from error
    return pa


@contextmanager
def rows(file: IO[bytes], columns: Sequence[Column]) -> Iterator[Callable[[Sequence[tuple[Any, ...]]], None]]:
    """Yield what takes pages of rows, none of them empty."""
    pa = needed()
    types = [_type(pa, column.kind) for column in columns]
    fields = [
        pa.field(column.name, kind, metadata={KIND: column.kind}) for column, kind in zip(columns, types, strict=True)
    ]
    schema = pa.schema(fields)
    with pa.ipc.new_file(file, schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as writer:

        def take(page: Sequence[tuple[Any, ...]]) -> None:
            cells = [pa.array(cells, kind) for cells, kind in zip(zip(*page, strict=True), types, strict=True)]
            writer.write_batch(pa.record_batch(cells, schema=schema))

        yield take


def _type(pa: Any, kind: Kind) -> Any:
    types = {
        "text": pa.string(),
        "json": pa.string(),
        "int": pa.int64(),
        "decimal": pa.decimal128(DIGITS, PLACES),
        "bool": pa.bool_(),
        "date": pa.date32(),
        "time": pa.timestamp("us", tz="UTC"),
    }
    return types[kind]
