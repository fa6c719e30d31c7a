"""An import from the first line to the last: a thousand lines a transaction, each line once and for ever."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import attrs

from crmcore.errors import InputError
from crmcore.flow.applying import apply, owners_of
from crmcore.flow.importing.lines import LINES, Line
from crmcore.flow.importing.mapping import ColumnMap, Reader, reader
from crmcore.flow.importing.reading import Row, count_lines, table
from crmcore.flow.progress import Progress
from crmcore.model import verbs
from crmcore.model.statement import Identify
from crmcore.store import events, imports
from crmcore.store.scope import Scope
from crmcore.store.sources import source_ids

BATCH = 1000
Open = Callable[[], AbstractContextManager[Scope]]


@attrs.frozen(kw_only=True)
class Imported:
    """What an import did: lines `read`, `new`, `unchanged` (known from before), `dropped` and `refused` by reason."""

    id: int
    read: int
    new: int
    unchanged: int
    orders: int
    dropped: dict[str, int]
    refused: dict[str, int]


@attrs.frozen(kw_only=True)
class _Read:
    """A line as it was read, with its fingerprint."""

    row: Row
    line: Line
    fingerprint: bytes


def run(writing: Open, path: Path, made: ColumnMap, progress: Progress) -> Imported:
    """Import a file; raise InvalidFile. Interrupted, it keeps what is committed; the same call again goes on."""
    with table(path) as file:
        total = count_lines(path)
        read = reader(made, file.header, path)
        with writing() as scope:
            source_id = source_ids(scope, [made.source])[made.source] or 0
            import_id = imports.begin(scope, source_id, path.name, made.kind, attrs.asdict(made))
        importing = _Importing(writing, read, source_id, import_id)
        for batch in _batches(file.rows):
            importing.take(batch)
            progress(importing.counts["read"], max(total - 1, importing.counts["read"]))
    return importing.finish()


def _batches(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while batch := list(islice(rows, BATCH)):
        yield batch


class _Importing:
    """One import on its way."""

    def __init__(self, writing: Open, read: Reader, source_id: int, import_id: int) -> None:
        self._open, self._read = writing, read
        self._source_id, self._import_id = source_id, import_id
        self._equal: Counter[int] = Counter()
        self._told: dict[Any, Any] = {}
        self._offers: dict[str, dict[str, Any]] = {}
        self.counts: Counter[str] = Counter()
        self.dropped: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()

    @contextmanager
    def _writing(self) -> Iterator[Scope]:
        """Open a transaction in which every row is this import's."""
        with self._open() as scope:
            yield attrs.evolve(scope, import_id=self._import_id)

    def take(self, batch: Sequence[Row]) -> None:
        """Take lines, all in one transaction."""
        with self._writing() as scope:
            good, bad = self._sorted(batch, scope.now)
            fresh = imports.new_fingerprints(scope, self._source_id, self._import_id, [one.fingerprint for one in good])
            new = [one for one in good if one.fingerprint in fresh]
            self._write(scope, [one.line for one in new])
            imports.refuse(scope, self._source_id, self._import_id, bad)
        self.counts += Counter(read=len(batch), new=len(new), unchanged=len(good) - len(new))
        self.refused += Counter(reason for _, reason, _ in bad)

    def finish(self) -> Imported:
        """Add up the orders, tell of the offers, and close the import."""
        with self._writing() as scope:
            orders = self._orders(scope)
            apply(scope, [verbs.offer(scope.now, **one) for one in self._offers.values()])
            imports.finish(scope, self._import_id, dict(self.counts))
        return Imported(
            id=self._import_id,
            read=self.counts["read"],
            new=self.counts["new"],
            unchanged=self.counts["unchanged"],
            orders=orders,
            dropped=dict(self.dropped),
            refused=dict(self.refused),
        )

    def _sorted(self, batch: Sequence[Row], now: int) -> tuple[list[_Read], list[tuple[int, str, Sequence[str]]]]:
        good: list[_Read] = []
        bad: list[tuple[int, str, Sequence[str]]] = []
        line_of = LINES[self._read.map.kind]
        for row in batch:
            try:
                if row.problem:
                    bad.append((row.number, row.problem, row.cells))
                    continue
                line = line_of(self._read, row.cells, now)
            except InputError as error:
                bad.append((row.number, str(error), row.cells))
                continue
            if line.dropped:
                self.dropped[line.dropped] += 1
            else:
                good.append(_Read(row=row, line=line, fingerprint=self._fingerprint(row)))
        return good, bad

    def _fingerprint(self, row: Row) -> bytes:
        """Source, content, and which of the equal lines of this file it is: equal lines all count."""
        content = "\x1f".join((self._read.map.source, *row.cells)).encode("utf-8", "surrogateescape")
        key = int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "big")
        self._equal[key] += 1
        return hashlib.blake2b(content + b"\x1f%d" % self._equal[key], digest_size=16).digest()

    def _write(self, scope: Scope, lines: Sequence[Line]) -> None:
        told = [one.identify for one in lines if one.identify is not None and self._is_news(one.identify)]
        apply(scope, told)
        happened = [one.event for one in lines if one.event is not None]
        events.append(scope, happened, scope.new_ids(len(happened)), owners_of(scope, happened))
        for one in lines:
            if one.offer is not None:
                known = self._offers.get(one.offer["item"])
                if known is None or one.offer["at"] >= known["at"]:
                    self._offers[one.offer["item"]] = one.offer

    def _is_news(self, told: Identify) -> bool:
        """A file of orders says a customer's country on every line; once is enough."""
        if self._told.get(told.customer) == told.attributes:
            return False
        self._told[told.customer] = told.attributes
        return True

    def _orders(self, scope: Scope) -> int:
        if self._read.map.kind != "orders":
            return 0
        made = list(imports.orders(scope, self._import_id, self._read.map.source))
        prints = [_order_print(event.name, event.ref or "") for event, _ in made]
        fresh = imports.new_fingerprints(scope, self._source_id, self._import_id, prints) if prints else set()
        new = [one for one, known_by in zip(made, prints, strict=True) if known_by in fresh]
        happened = [event for event, _ in new]
        events.append(scope, happened, scope.new_ids(len(new)), [owner for _, owner in new])
        return len(new)


def _order_print(name: str, ref: str) -> bytes:
    return hashlib.blake2b(f"{name}\x1f{ref}".encode(), digest_size=16, person=b"order").digest()
