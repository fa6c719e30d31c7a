"""What did not fit, kept with the reason."""

from __future__ import annotations

from crmcore.model.wire import NAMES, Statement, dumps
from crmcore.store import bulk, schema
from crmcore.store.scope import Scope

_COLUMNS = ("id", "place", "reason", "payload", "received_at")


def refuse(scope: Scope, statement: Statement, reason: str) -> None:
    """Keep a statement that cannot be applied."""
    bulk.insert(
        scope,
        schema.quarantine,
        _COLUMNS,
        [(scope.new_id(), NAMES[type(statement)], reason, dumps(statement), scope.now)],
    )
