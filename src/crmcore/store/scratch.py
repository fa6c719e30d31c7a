"""Notes that work takes while it runs: in memory while they are few, beyond that in a file of their own that goes with them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Mapping
from types import TracebackType
from typing import Any, Self

IN_MEMORY = 200_000
_READ = "SELECT key, value FROM note WHERE key IN (SELECT value FROM json_each(?))"
_WRITE = "INSERT INTO note VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value"


class Scratch:
    """Values (int or text) by key (int or text); nobody else sees them. Use it in a `with` statement."""

    def __init__(self, in_memory: int = IN_MEMORY) -> None:
        self._few: dict[Any, Any] = {}
        self._limit = in_memory
        self._file: sqlite3.Connection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    def read(self, keys: Collection[Any]) -> dict[Any, Any]:
        """Return what is noted under keys; keys without a note are not in it."""
        found = {key: self._few[key] for key in keys if key in self._few}
        missing = [key for key in keys if key not in found] if self._file is not None else []
        if missing and self._file is not None:
            found.update(self._file.execute(_READ, (json.dumps(missing),)))
        return found

    def write(self, notes: Mapping[Any, Any]) -> None:
        """Note values; what was noted under their keys before is gone."""
        self._few.update(notes)
        if len(self._few) > self._limit:
            self._put_away()

    def _put_away(self) -> None:
        if self._file is None:
            # "" is a database of this connection alone: SQLite keeps it in a nameless file once it outgrows its cache.
            self._file = sqlite3.connect("", isolation_level=None)
            self._file.execute("PRAGMA journal_mode = OFF")
            self._file.execute("PRAGMA cache_size = -16384")
            self._file.execute("CREATE TABLE note (key PRIMARY KEY, value) WITHOUT ROWID")
        self._file.execute("BEGIN")
        self._file.executemany(_WRITE, sorted(self._few.items()))
        self._file.execute("COMMIT")
        self._few.clear()
