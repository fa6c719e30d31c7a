"""Imports: what was read, which lines are known, which were refused."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs
from sqlalchemy import select, update

from crmcore.errors import AlreadyUndone, UnknownImport
from crmcore.model.values import INT64
from crmcore.store import bulk, schema
from crmcore.store.scope import Scope

RUNNING, DONE, UNDOING, UNDONE = "running", "done", "undoing", "undone"
#: What counts of an import as a whole; all else counts of the latest time its file was read.
BROUGHT = ("new", "orders")
PAGE = 1000


@attrs.frozen(kw_only=True)
class ImportView:
    """One import; `counts` of its lines by what became of them (`new`: in all), times in microseconds UTC."""

    id: int
    file: str
    kind: str
    source: str
    state: str
    counts: Mapping[str, int]
    started_at: int
    finished_at: int | None
    undone_at: int | None


@attrs.frozen(kw_only=True)
class Begun:
    """How an import reads its file: its header, delimiter and mapping as plain data, and the source it is for."""

    id: int
    file: str
    source_id: int
    state: str
    mapping: Mapping[str, Any]
    header: tuple[str, ...]
    delimiter: str


@attrs.frozen
class Refused:
    """A line that does not fit: its number in the file, why, its cells and its fingerprint."""

    number: int
    reason: str
    cells: Sequence[str]
    fingerprint: bytes = b""


def begin(
    scope: Scope, source_id: int, file: str, mapping: Mapping[str, Any], header: Sequence[str], delimiter: str
) -> int:
    """Return the id of an import: the one of this file, read in this way, that was interrupted, else a new one."""
    kept = json.dumps({"mapping": mapping, "header": header, "delimiter": delimiter})
    row = schema.import_run.c
    query = select(row.id).where(
        row.workspace_id == scope.workspace_id,
        row.source_id == source_id,
        row.file == file,
        row.mapping == kept,
        row.state == RUNNING,
    )
    known = scope.connection.execute(query).scalar()
    if known is not None:
        return int(known)
    new_id = scope.new_id()
    columns = ("id", "source_id", "file", "kind", "mapping", "state", "counts", "started_at")
    values = (new_id, source_id, file, mapping["kind"], kept, RUNNING, "{}", scope.now)
    bulk.insert(scope, schema.import_run, columns, [values])
    return new_id


def note(scope: Scope, import_id: int, state: str, counts: Mapping[str, int], more: Mapping[str, int]) -> None:
    """Note how far an import is; what it has brought adds up, however often it was interrupted: `more` is the latest."""
    finished_at = scope.now if state == DONE else None
    kept = schema.import_run.c
    query = select(kept.counts).where(kept.workspace_id == scope.workspace_id, kept.id == import_id)
    before = json.loads(scope.connection.execute(query).scalar_one())
    brought = {name: before.get(name, 0) + more.get(name, 0) for name in BROUGHT}
    told = {name: count for name, count in {**counts, **brought}.items() if count}
    row = (state, json.dumps(told), finished_at, import_id)
    bulk.update(scope, schema.import_run, ("state", "counts", "finished_at"), ("id",), [row])


def check_standing(scope: Scope, import_id: int) -> None:
    """Raise AlreadyUndone where an import is being taken back, or has been."""
    row = schema.import_run.c
    query = select(row.state).where(row.workspace_id == scope.workspace_id, row.id == import_id)
    if scope.connection.execute(query).scalar() in (UNDOING, UNDONE):
        raise AlreadyUndone(name=import_id)


def note_undoing(scope: Scope, import_id: int, state: str) -> None:
    """Note that an import is being taken back, or has been."""
    undone_at = scope.now if state == UNDONE else None
    bulk.update(scope, schema.import_run, ("state", "undone_at"), ("id",), [(state, undone_at, import_id)])


def views(scope: Scope, limit: int) -> list[ImportView]:
    """Return imports, the latest first."""
    row, source = schema.import_run.c, schema.source.c
    query = (
        select(
            row.id,
            row.file,
            row.kind,
            source.name.label("source"),
            row.state,
            row.counts,
            row.started_at,
            row.finished_at,
            row.undone_at,
        )
        .join_from(schema.import_run, schema.source, source.id == row.source_id)
        .where(row.workspace_id == scope.workspace_id, source.workspace_id == scope.workspace_id)
        .order_by(row.id.desc())
        .limit(limit)
    )
    found = [one._asdict() for one in scope.connection.execute(query)]
    return [ImportView(**{**one, "counts": json.loads(one["counts"])}) for one in found]


def load(scope: Scope, import_id: int) -> Begun:
    """Return how an import reads its file; raise UnknownImport."""
    row = schema.import_run.c
    query = select(row.id, row.file, row.source_id, row.state, row.mapping).where(
        row.workspace_id == scope.workspace_id, row.id == import_id
    )
    found = scope.connection.execute(query).one_or_none() if abs(import_id) < INT64 else None
    if found is None:
        raise UnknownImport(kind="import", name=import_id)
    kept = json.loads(found.mapping)
    return Begun(
        id=found.id,
        file=found.file,
        source_id=found.source_id,
        state=found.state,
        mapping=kept["mapping"],
        header=tuple(kept["header"]),
        delimiter=kept["delimiter"],
    )


def known_fingerprints(scope: Scope, source_id: int, prints: Sequence[bytes]) -> set[bytes]:
    """Return those fingerprints that lines taken before have."""
    row = schema.fingerprint.c
    known = scope.connection.execute(
        select(row.fingerprint).where(
            row.workspace_id == scope.workspace_id, row.source_id == source_id, row.fingerprint.in_(prints)
        )
    )
    return set(known.scalars())


def keep_fingerprints(scope: Scope, source_id: int, import_id: int, prints: Sequence[bytes]) -> None:
    """Note lines as taken, for ever or until the import is taken back."""
    rows = [(source_id, one, import_id) for one in sorted(prints)]
    bulk.insert(scope, schema.fingerprint, ("source_id", "fingerprint", "import_id"), rows)


#: A line that is refused again is still one line.
_AGAIN = """ON CONFLICT (workspace_id, fingerprint) WHERE fingerprint IS NOT NULL DO UPDATE SET
import_id = excluded.import_id, place = excluded.place, reason = excluded.reason, received_at = excluded.received_at,
settled_at = NULL"""


def refuse(scope: Scope, source_id: int, import_id: int, refused: Sequence[Refused]) -> None:
    """Keep lines that do not fit, with the reason; each waits once, for the latest import that has refused it."""
    rows = [
        (
            new_id,
            source_id,
            import_id,
            place_of(one.number),
            one.reason,
            _payload(one.cells),
            scope.now,
            one.fingerprint,
        )
        for new_id, one in zip(scope.new_ids(len(refused)), refused, strict=True)
    ]
    columns = ("id", "source_id", "import_id", "place", "reason", "payload", "received_at", "fingerprint")
    bulk.insert(scope, schema.quarantine, columns, rows, _AGAIN)


def settle_refused(scope: Scope, source_id: int, prints: Sequence[bytes]) -> None:
    """Note that lines are taken now that were refused before."""
    row = schema.quarantine.c
    waits = (row.workspace_id == scope.workspace_id, row.source_id == source_id, row.settled_at.is_(None))
    if prints and scope.connection.execute(select(row.id).where(*waits).limit(1)).first() is not None:
        scope.connection.execute(
            update(schema.quarantine).where(*waits, row.fingerprint.in_(prints)).values(settled_at=scope.now)
        )


def settle_corrected(scope: Scope, source_id: int, corrected: Sequence[tuple[int, int]]) -> None:
    """Note that lines of a source, as (import, line number), have come in anew: taken, or refused once more."""
    rows = [(scope.now, import_id, place_of(number), source_id) for import_id, number in corrected]
    bulk.update(scope, schema.quarantine, ("settled_at",), ("import_id", "place", "source_id"), rows)


def settle_all_refused(scope: Scope, import_id: int) -> None:
    """Note that nobody waits for an import's refused lines any more."""
    bulk.update(scope, schema.quarantine, ("settled_at",), ("import_id",), [(scope.now, import_id)])


def refused(scope: Scope, import_id: int) -> Iterator[Refused]:
    """Yield the lines of an import that were refused and not corrected since, in the order of the file."""
    row, last = schema.quarantine.c, -1
    while True:
        query = (
            select(row.id, row.place, row.reason, row.payload)
            .where(
                row.workspace_id == scope.workspace_id,
                row.import_id == import_id,
                row.settled_at.is_(None),
                row.id > last,
            )
            .order_by(row.id)
            .limit(PAGE)
        )
        found = scope.connection.execute(query).all()
        for _, place, reason, payload in found:
            yield Refused(int(place.removeprefix("line ")), reason, json.loads(payload))
        if len(found) < PAGE:
            return
        last = found[-1].id


def place_of(number: int) -> str:
    """Return where in its file a line stands."""
    return f"line {number}"


def _payload(cells: Sequence[str]) -> str:
    return json.dumps([cell.encode("utf-8", "replace").decode() for cell in cells], ensure_ascii=False)
