"""An import from the first line to the last: a thousand lines a transaction, each line once and for ever."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import attrs

from crmcore.errors import InputError, Overflow
from crmcore.flow.applying import apply_fitting, owners_of
from crmcore.flow.importing import marks
from crmcore.flow.importing.lines import LINES, Line
from crmcore.flow.importing.mapping import ColumnMap
from crmcore.flow.importing.reader import Reader, reader
from crmcore.flow.importing.reading import Row, count_lines, layout_of, table
from crmcore.flow.progress import Progress
from crmcore.flow.screening import reasons_of_lines
from crmcore.model.event import Event
from crmcore.model.statement import Identify
from crmcore.model.values import with_kind
from crmcore.model.wire import NAMES, Statement
from crmcore.store import events, imports, links, orders
from crmcore.store.imports import Refused
from crmcore.store.scope import Scope, Write
from crmcore.store.scratch import Scratch
from crmcore.store.sources import source_ids

BATCH = 1000
Done = TypeVar("Done")


@attrs.frozen(kw_only=True)
class Imported:
    """What an import did: lines `read`, `new`, `unchanged` (known from before), `dropped` and `refused` by reason.

    `contradictions` counts what its lines say of who is who and what is refused, since it would join two known customers.
    """

    id: int
    read: int
    new: int
    unchanged: int
    orders: int
    contradictions: int
    dropped: dict[str, int]
    refused: dict[str, int]


@attrs.frozen
class Good:
    """A line that fits, with its fingerprint."""

    row: Row
    line: Line
    fingerprint: bytes


@attrs.frozen
class Sorted:
    """Lines apart: those that fit, those left out by reason, those that do not fit."""

    good: list[Good]
    dropped: Counter[str]
    bad: list[Refused]


def run(write: Write, path: Path, made: ColumnMap, progress: Progress) -> Imported:
    """Import a file; raise InvalidFile. Interrupted, it keeps what is committed; the same call again goes on."""
    layout = layout_of(path, made.encoding, made.delimiter)
    with table(path, layout, made.sheet or None) as marked, Scratch() as equal:
        total = count_lines(path)
        file = marks.unmark(marked)
        read = reader(made, file.table.header, path)
        source_id, import_id = write(partial(_begun, path=path, read=read, delimiter=layout.delimiter))
        importing = _Importing(write, read, source_id, import_id, file.corrects, equal)
        for batch in batches(file.table.rows):
            importing.take(batch)
            progress(importing.counts["read"], max(total - 1, importing.counts["read"]))
    return importing.finish()


def _begun(scope: Scope, path: Path, read: Reader, delimiter: str) -> tuple[int, int]:
    source_id = source_ids(scope, [read.map.source])[read.map.source] or 0
    return source_id, imports.begin(scope, source_id, path.name, attrs.asdict(read.map), read.header, delimiter)


def batches(rows: Iterator[Row]) -> Iterator[list[Row]]:
    """Yield rows in lists of at most a thousand."""
    while batch := list(islice(rows, BATCH)):
        yield batch


def sort(read: Reader, batch: Sequence[Row], equal: Scratch, now: int) -> Sorted:
    """Read lines; `equal` counts how often each stood in the file before."""
    told = [(row, _line(read, row, now)) for row in batch]
    kept = [(row, line) for row, line in told if isinstance(line, str) or not line.dropped]
    done = Sorted([], Counter(line.dropped for _, line in told if isinstance(line, Line) and line.dropped), [])
    prints = _fingerprints(read.map.source, [row for row, _ in kept], equal)
    for (row, line), fingerprint in zip(kept, prints, strict=True):
        if isinstance(line, str):
            done.bad.append(Refused(row.number, line, row.cells, fingerprint))
        else:
            done.good.append(Good(row, line, fingerprint))
    return done


def _line(read: Reader, row: Row, now: int) -> Line | str:
    """Return what a row says, or why it does not fit."""
    if row.problem:
        return row.problem
    try:
        return LINES[read.map.kind](read, row.cells, now)
    except InputError as error:
        return str(error)


def screened(scope: Scope, done: Sorted, known: AbstractSet[bytes]) -> Sorted:
    """Move the lines that do not fit what their source declares to those that do not fit; `known` ones were taken."""
    told = reasons_of_lines(scope, [() if one.fingerprint in known else one.line.statements for one in done.good])
    placed = list(zip(done.good, told, strict=True))
    unfit = [Refused(one.row.number, why, one.row.cells, one.fingerprint) for one, why in placed if why]
    return Sorted([one for one, why in placed if not why], done.dropped, done.bad + unfit)


def _fingerprints(source: str, rows: Sequence[Row], equal: Scratch) -> list[bytes]:
    """Source, content, and which of the equal lines of this file it is: equal lines all count."""
    contents = ["\x1f".join((source, *row.cells)).encode("utf-8", "surrogateescape") for row in rows]
    keys = [int.from_bytes(hashlib.blake2b(one, digest_size=8).digest(), "big", signed=True) for one in contents]
    seen = equal.read(set(keys))
    prints = []
    for key, content in zip(keys, contents, strict=True):
        seen[key] = seen.get(key, 0) + 1
        prints.append(hashlib.blake2b(content + b"\x1f%d" % seen[key], digest_size=16).digest())
    equal.write(seen)
    return prints


class _Importing:
    """One import on its way."""

    def __init__(
        self,
        write: Write,
        read: Reader,
        source_id: int,
        import_id: int,
        corrects: dict[int, tuple[int, int]],
        equal: Scratch,
    ) -> None:
        self._own, self._read, self._equal, self._corrects = write, read, equal, corrects
        self._source_id, self._import_id = source_id, import_id
        self.counts: Counter[str] = Counter()
        self.dropped: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()

    def _do(self, act: Callable[[Scope], Done]) -> Done:
        """Write rows that are all this import's; raise AlreadyUndone where it is taken back meanwhile."""

        def done(scope: Scope) -> Done:
            imports.check_standing(scope, self._import_id)
            return act(attrs.evolve(scope, import_id=self._import_id))

        return self._own(done)

    def take(self, batch: Sequence[Row]) -> None:
        """Take lines."""
        now = self._own(lambda scope: scope.now)
        sorted_ = sort(self._read, batch, self._equal, now)
        self.counts["read"] += len(batch)
        self._take(sorted_)
        self._corrects.clear()

    def _take(self, lines: Sorted) -> None:
        """Take lines, all in one transaction; a line that brings a sum beyond 64 bits is refused, and no other with it."""
        try:
            counts, done = self._do(partial(self._keep, lines=lines))
        except Overflow as error:
            for part in halves(lines, str(error)):
                self._take(part)
            return
        self.counts += counts
        self.dropped += done.dropped
        self.refused += Counter(one.reason for one in done.bad)

    def _keep(self, scope: Scope, lines: Sorted) -> tuple[Counter[str], Sorted]:
        known = imports.known_fingerprints(scope, self._source_id, [one.fingerprint for one in lines.good])
        done = screened(scope, lines, known)
        new = [one for one in done.good if one.fingerprint not in known]
        imports.keep_fingerprints(scope, self._source_id, self._import_id, [one.fingerprint for one in new])
        ordered = self._write(scope, [one for each in new for one in each.line.statements])
        imports.settle_refused(scope, self._source_id, [one.fingerprint for one in new])
        imports.settle_corrected(scope, self._source_id, self._corrected(done))
        imports.refuse(scope, self._source_id, self._import_id, done.bad)
        counts = Counter(new=len(new), unchanged=len(done.good) - len(new), orders=ordered)
        imports.note(scope, self._import_id, imports.RUNNING, self.counts + counts, counts)
        return counts, done

    def finish(self) -> Imported:
        """Close the import."""
        contradictions = self._do(self._close)
        return Imported(
            id=self._import_id,
            read=self.counts["read"],
            new=self.counts["new"],
            unchanged=self.counts["unchanged"],
            orders=self.counts["orders"],
            contradictions=contradictions,
            dropped=dict(self.dropped),
            refused=dict(self.refused),
        )

    def _close(self, scope: Scope) -> int:
        imports.note(scope, self._import_id, imports.DONE, self.counts, {})
        return links.refused_of_import(scope, self._import_id)

    def _corrected(self, done: Sorted) -> list[tuple[int, int]]:
        """Return where lines were refused before, as (import, line number)."""
        numbers = [*(one.row.number for one in done.good), *(one.number for one in done.bad)]
        return [self._corrects[one] for one in numbers if one in self._corrects]

    def _write(self, scope: Scope, statements: Sequence[Statement]) -> int:
        """Write statements, those of a kind together; return how many orders were new."""
        told = statements if self._read.map.kind == "customers" else telling(statements)
        if self._read.map.kind != orders.KIND:
            apply_fitting(scope, sorted(told, key=_kind))
            return 0
        lines = [one for one in told if isinstance(one, Event)]
        apply_fitting(scope, sorted((one for one in told if not isinstance(one, Event)), key=_kind))
        owners = owners_of(scope, lines)
        events.append(scope, lines, scope.new_ids(len(lines)), owners)
        return orders.add(scope, self._source_id, self._read.map.source, lines, owners)


def halves(lines: Sorted, reason: str) -> tuple[Sorted, ...]:
    """Return lines in two parts; one that is alone does not fit."""
    if len(lines.good) > 1:
        middle = len(lines.good) // 2
        return (
            Sorted(lines.good[:middle], lines.dropped, lines.bad),
            Sorted(lines.good[middle:], Counter(), []),
        )
    unfit = [Refused(one.row.number, reason, one.row.cells, one.fingerprint) for one in lines.good]
    return (Sorted([], lines.dropped, lines.bad + unfit),)


def telling(statements: Sequence[Statement]) -> list[Statement]:
    """Leave out of what lines say of a customer what the lines before and after, by time, say just so."""
    said: dict[Any, list[Identify]] = {}
    for one in statements:
        if isinstance(one, Identify):
            said.setdefault(one.customer, []).append(one)
    idle = {id(one) for those in said.values() for one in _idle(sorted(those, key=lambda each: each.at))}
    return [one for one in statements if id(one) not in idle]


def _idle(said: Sequence[Identify]) -> Iterator[Identify]:
    """Of equal statements one after the other the first says since when, and the last that it is still so."""
    for before, one, after in zip(said, said[1:], said[2:], strict=False):
        if _kinds(before) == _kinds(one) == _kinds(after):
            yield one


def _kinds(one: Identify) -> dict[str, object]:
    return {name: with_kind(value) for name, value in one.attributes.items()}


def _kind(one: Statement) -> str:
    return NAMES[type(one)]
