"""What a sink took, in a file: whoever reads it, and whatever becomes of the process that wrote it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Generic, Self, TypeVar

from cattrs.preconf.json import make_converter

Entry = TypeVar("Entry")


class Log(Generic[Entry]):
    """An append-only file of values of one attrs class; use it as a context manager to write it.

    What is appended is there for every reader at once, and stays when the writer is killed.
    """

    def __init__(self, path: Path, kind: type[Entry]) -> None:
        self._path, self._kind = path, kind
        self._convert = make_converter()
        self._file = -1

    def __enter__(self) -> Self:
        self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._file)

    def append(self, entry: Entry, /) -> None:
        """Write one more entry, whole, in one call of the system."""
        os.write(self._file, self._convert.dumps(entry).encode() + b"\n")

    def __iter__(self) -> Iterator[Entry]:
        """Read all entries from the file."""
        with self._path.open("rb") as lines:
            for line in lines:
                yield self._convert.loads(line, self._kind)
