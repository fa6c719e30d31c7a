"""Statements that a host's transaction has left to be folded."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
from sqlalchemy import Select, func, select

from crmcore.model.statement import Consent, Subscribe, Suppress
from crmcore.model.wire import NAMES, Statement, dumps, loads
from crmcore.store import bulk, schema
from crmcore.store.scope import Scope


@attrs.frozen(kw_only=True)
class Waiting:
    """One statement that waits; `received_at` is when it was made."""

    id: int
    received_at: int
    statement: Statement


def append(scope: Scope, statements: Sequence[Statement]) -> None:
    """Leave statements to be folded: one row each, with a key of its own, so that nothing can wait for anybody."""
    ids = scope.new_ids(len(statements))
    rows = [(new_id, NAMES[type(one)], dumps(one), scope.now) for new_id, one in zip(ids, statements, strict=True)]
    bulk.insert(scope, schema.pending, ("id", "verb", "payload", "received_at"), rows)


def any_left(scope: Scope) -> bool:
    """Tell whether something waits."""
    return bulk.has_rows(scope, schema.pending)


def holds_withdrawals(scope: Scope) -> bool:
    """Tell whether something waits by which a customer may have withdrawn a permission."""
    return bulk.has_rows(scope, schema.pending, f"verb IN ({_PERMISSIONS})")


_PERMISSIONS = ", ".join(f"'{NAMES[one]}'" for one in (Consent, Subscribe, Suppress))


def count(scope: Scope) -> int:
    """Return how many statements wait."""
    return scope.connection.execute(select(func.count()).select_from(_mine(scope).subquery())).scalar_one()


def oldest(scope: Scope) -> int | None:
    """Return when the oldest statement that waits was made; None where none waits."""
    row = schema.pending.c
    query = select(row.received_at).where(row.workspace_id == scope.workspace_id).order_by(row.id).limit(1)
    return scope.connection.execute(query).scalar()


def take(scope: Scope, limit: int) -> list[Waiting]:
    """Return the oldest waiting statements, and hold their rows until the transaction ends."""
    row = schema.pending.c
    query = select(row.id, row.verb, row.payload, row.received_at).where(row.workspace_id == scope.workspace_id)
    rows = scope.connection.execute(query.order_by(row.id).limit(limit).with_for_update(skip_locked=True))
    return [
        Waiting(id=one, received_at=received_at, statement=loads(verb, payload))
        for one, verb, payload, received_at in rows
    ]


def settle(scope: Scope, waiting: Sequence[Waiting]) -> None:
    """Remove statements that have been folded."""
    bulk.delete(scope, schema.pending, ("id",), [(one.id,) for one in waiting])


def _mine(scope: Scope) -> Select[tuple[int]]:
    return select(schema.pending.c.id).where(schema.pending.c.workspace_id == scope.workspace_id)
