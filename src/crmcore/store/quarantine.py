"""What did not fit, kept with the reason until it is taken after all."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import attrs
from sqlalchemy import ColumnElement, func, select

from crmcore.model.event import Event
from crmcore.model.wire import NAMES, VERBS, Statement, dumps, loads
from crmcore.store import bulk, schema
from crmcore.store.scope import Scope
from crmcore.store.sources import source_ids

_COLUMNS = ("id", "source_id", "place", "reason", "payload", "received_at", "fingerprint")


@attrs.frozen(kw_only=True)
class Refused:
    """A statement that cannot be taken, and why."""

    statement: Statement
    reason: str


@attrs.frozen(kw_only=True)
class Held:
    """A statement that waits in quarantine, under its id there."""

    id: int
    statement: Statement


@attrs.frozen(kw_only=True)
class Quarantined:
    """What waits in quarantine.

    Attributes: `source`; `place` (the verb, or the file and line); `reason`; `payload` (the statement as JSON, or the cells
    of the line); `received_at` (microseconds UTC); `replayable` (statements are, lines are corrected and imported again).
    """

    id: int
    source: str | None
    place: str
    reason: str
    payload: str
    received_at: int
    replayable: bool


def keep(scope: Scope, refused: Sequence[Refused]) -> int:
    """Keep statements with their reasons; return how many are news: an event with a message id is kept once."""
    sources = source_ids(scope, {_source(one.statement) for one in refused})
    rows = [
        (
            new_id,
            sources[_source(one.statement)],
            NAMES[type(one.statement)],
            one.reason,
            dumps(one.statement),
            scope.now,
            _fingerprint(one.statement),
        )
        for one, new_id in zip(refused, scope.new_ids(len(refused)), strict=True)
    ]
    return bulk.insert_new(scope, schema.quarantine, _COLUMNS, rows)


def _source(statement: Statement) -> str | None:
    return getattr(statement, "source", None)


def _fingerprint(statement: Statement) -> bytes | None:
    """A message that is sent again may bear another time; whether it fits does not depend on that."""
    if not isinstance(statement, Event) or statement.message_id is None:
        return None
    timeless = dumps(attrs.evolve(statement, at=0))
    return hashlib.blake2b(timeless.encode(), digest_size=16, person=b"quarantine").digest()


def count(scope: Scope, source_id: int | None = None) -> int:
    """Return how much waits, of one source or of all: statements, and lines of imports."""
    return scope.connection.execute(select(func.count()).where(*_waiting(scope, source_id))).scalar_one()


def count_statements(scope: Scope, source_id: int | None) -> int:
    """Return how many statements wait, of one source or of all; lines of imports are none."""
    query = select(func.count()).where(*_waiting(scope, source_id), schema.quarantine.c.place.in_(list(VERBS)))
    return scope.connection.execute(query).scalar_one()


def latest(scope: Scope, limit: int, source_id: int | None) -> list[Quarantined]:
    """Return what waits, of one source or of all, the latest first."""
    row, source, file = schema.quarantine.c, schema.source.c, schema.import_run.c
    mine = scope.workspace_id
    query = (
        select(row.id, source.name, file.file, row.place, row.reason, row.payload, row.received_at)
        .outerjoin_from(schema.quarantine, schema.source, (source.workspace_id == mine) & (source.id == row.source_id))
        .outerjoin(schema.import_run, (file.workspace_id == mine) & (file.id == row.import_id))
        .where(*_waiting(scope, source_id))
    )
    return [
        Quarantined(
            id=one,
            source=name,
            place=place if path is None else f"{path}, {place}",
            reason=reason,
            payload=payload,
            received_at=received_at,
            replayable=place in VERBS,
        )
        for one, name, path, place, reason, payload, received_at in scope.connection.execute(
            query.order_by(row.id.desc()).limit(limit)
        )
    ]


def take(scope: Scope, after: int, limit: int, source_id: int | None) -> list[Held]:
    """Return statements that wait, the oldest first, and hold their rows until the transaction ends."""
    row = schema.quarantine.c
    query = (
        select(row.id, row.place, row.payload)
        .where(*_waiting(scope, source_id), row.id > after, row.place.in_(list(VERBS)))
        .order_by(row.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return [Held(id=one, statement=loads(verb, payload)) for one, verb, payload in scope.connection.execute(query)]


def settle(scope: Scope, ids: Iterable[int]) -> None:
    """Note that statements have been taken."""
    bulk.update(scope, schema.quarantine, ("settled_at",), ("id",), [(scope.now, one) for one in ids])


def amend(scope: Scope, reasons: Iterable[tuple[int, str]]) -> None:
    """Note why statements are refused now."""
    bulk.update(scope, schema.quarantine, ("reason",), ("id",), [(reason, one) for one, reason in reasons])


def _waiting(scope: Scope, source_id: int | None) -> list[ColumnElement[bool]]:
    row = schema.quarantine.c
    found = [row.workspace_id == scope.workspace_id, row.settled_at.is_(None)]
    return found if source_id is None else [*found, row.source_id == source_id]
