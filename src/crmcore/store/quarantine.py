"""What did not fit, kept with the reason."""

from __future__ import annotations

from collections.abc import Sequence

from crmcore.model.values import to_json
from crmcore.model.wire import NAMES, Statement, dumps
from crmcore.store import bulk, schema
from crmcore.store.identities import Clash
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


def clashes(scope: Scope, found: Sequence[Clash]) -> None:
    """Keep identities that were not linked, since they belong to another customer with a key."""
    rows = [
        (new_id, "identity", "the identity belongs to another customer with a key", _payload(one), scope.now)
        for new_id, one in zip(scope.new_ids(len(found)), found, strict=True)
    ]
    bulk.insert(scope, schema.quarantine, _COLUMNS, rows)


def _payload(clash: Clash) -> str:
    named = {"kind": clash.identity.kind, "value": clash.identity.value}
    return to_json({**named, "customer_id": clash.customer_id, "owner_id": clash.owner_id}, "clash")
