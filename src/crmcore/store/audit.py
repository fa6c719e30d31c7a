"""The audit log: who did what when. Rows are written in the transaction of what they tell, and sealed in batches."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import attrs
from sqlalchemy import Select, exists, select

from crmcore.model.audit import GONE, AuditEntry, AuditVerdict, Seal, sealed, verify, vouched
from crmcore.store import bulk, schema
from crmcore.store.engine import legible
from crmcore.store.scope import Scope

#: How many rows one seal covers at most.
BATCH = 1000
_COLUMNS = tuple(field.name for field in attrs.fields(AuditEntry))
_SEAL = tuple(field.name for field in attrs.fields(Seal))
_NOTHING_MORE: Mapping[str, Any] = {}


def note(scope: Scope, action: str, subject: str, detail: Mapping[str, Any] = _NOTHING_MORE) -> None:
    """Write that the actor of this transaction does something to a subject."""
    said = json.dumps(detail, ensure_ascii=False, sort_keys=True)
    entry = AuditEntry(id=scope.new_id(), at=scope.now, actor=scope.actor, action=action, subject=subject, detail=said)
    row = attrs.astuple(vouched(scope.secret, entry))
    bulk.insert(scope, schema.audit, _COLUMNS, [row])


def about_customer(customer_id: int) -> str:
    """Return how a customer is called as a subject."""
    return f"customer {customer_id}"


def about_delivery(delivery_id: int) -> str:
    """Return how a delivery is called as a subject."""
    return f"delivery {delivery_id}"


def about_campaign(name: str) -> str:
    """Return how a campaign is called as a subject."""
    return f"campaign {name}"


def of_subjects(scope: Scope, subjects: Collection[str]) -> list[AuditEntry]:
    """Return what was done to subjects, the earliest first."""
    rows = bulk.select_in(scope, schema.audit, _COLUMNS, {}, "subject", sorted(subjects))
    return sorted((AuditEntry(**dict(zip(_COLUMNS, row, strict=True))) for row in rows), key=lambda one: one.id)


def empty(scope: Scope, entries: Collection[AuditEntry]) -> None:
    """Erase what rows are about; their macs and seals hold on."""
    bulk.update(scope, schema.audit, ("subject", "detail"), ("id",), [(GONE, GONE, one.id) for one in entries])


def latest(scope: Scope, limit: int) -> list[AuditEntry]:
    """Return the latest rows, the last one first."""
    query = _entries(scope).order_by(schema.audit.c.id.desc()).limit(limit)
    return _read(scope, query)


def any_unsealed(scope: Scope) -> bool:
    """Tell whether a row waits for its seal."""
    return bulk.has_rows(scope, schema.audit, "seal_id IS NULL")


def seal(scope: Scope) -> int:
    """Seal the rows that wait for it, the earliest first; return how many."""
    _alone(scope)
    row = schema.audit.c
    entries = _read(scope, _entries(scope).where(row.seal_id.is_(None)).order_by(row.id).limit(BATCH))
    if not entries:
        return 0
    last = _last_seal(scope)
    seal_id = scope.new_id() if last is None else max(scope.new_id(), last.id + 1)
    made = Seal(id=seal_id, first_id=entries[0].id, last_id=entries[-1].id, at=scope.now)
    chained = sealed(scope.secret, b"" if last is None else last.chain, made, entries)
    bulk.insert(scope, schema.audit_seal, _SEAL, [attrs.astuple(chained)])
    bulk.update(scope, schema.audit, ("seal_id",), ("id",), [(seal_id, one.id) for one in entries])
    return len(entries)


def verified(scope: Scope) -> AuditVerdict:
    """Look at the whole log."""
    return verify(scope.secret, _batches(scope), _loose(scope))


def _alone(scope: Scope) -> None:
    """Of two who would seal one waits for the other: a chain has no forks. On SQLite whoever writes is alone."""
    query = select(schema.workspace.c.id).where(schema.workspace.c.id == scope.workspace_id)
    scope.connection.execute(query.with_for_update(key_share=True))


def _last_seal(scope: Scope) -> Seal | None:
    row = schema.audit_seal.c
    query = select(*(row[name] for name in _SEAL)).where(row.workspace_id == scope.workspace_id)
    found = scope.connection.execute(query.order_by(row.id.desc()).limit(1)).first()
    return None if found is None else Seal(**_typed(_SEAL, found))


def _batches(scope: Scope) -> Iterator[tuple[Seal, list[AuditEntry]]]:
    row = schema.audit_seal.c
    query = select(*(row[name] for name in _SEAL)).where(row.workspace_id == scope.workspace_id).order_by(row.id)
    for found in scope.connection.execute(query).all():
        one = Seal(**_typed(_SEAL, found))
        entries = _entries(scope).where(schema.audit.c.seal_id == one.id)
        yield one, _read(scope, entries.order_by(schema.audit.c.id))


def _loose(scope: Scope) -> list[AuditEntry]:
    row, seals = schema.audit.c, schema.audit_seal.c
    has_seal = exists().where(seals.workspace_id == scope.workspace_id, seals.id == row.seal_id)
    return _read(scope, _entries(scope).where(~has_seal).order_by(row.id))


def _entries(scope: Scope) -> Select[Any]:
    row = schema.audit.c
    return select(*(row[name] for name in _COLUMNS)).where(row.workspace_id == scope.workspace_id)


def _read(scope: Scope, query: Select[Any]) -> list[AuditEntry]:
    with legible(scope.connection):
        return [AuditEntry(**_typed(_COLUMNS, row)) for row in scope.connection.execute(query)]


#: What stands for a value of another type, which SQLite lets anybody put into a column: no mac and no seal fits it.
_INSTEAD: Mapping[str, Any] = {
    **dict.fromkeys(("id", "first_id", "last_id", "at", "seal_id"), -1),
    **dict.fromkeys(("actor", "action", "subject", "detail"), "?"),
    **dict.fromkeys(("mac", "chain"), b""),
}


def _typed(columns: Sequence[str], row: Sequence[Any]) -> dict[str, Any]:
    return {
        name: value if value is None or isinstance(value, type(_INSTEAD[name])) else _INSTEAD[name]
        for name, value in zip(columns, row, strict=True)
    }
