"""Imports: what was read, which lines are known, which were refused."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import func, select

from crmcore.model.event import Event
from crmcore.store import bulk, schema
from crmcore.store.identities import Owner
from crmcore.store.scope import Scope

RUNNING, DONE = "running", "done"
#: The event that an order's lines add up to.
WHOLE = {"item_ordered": "order_placed", "item_returned": "order_returned"}


def begin(scope: Scope, source_id: int, file: str, kind: str, mapping: Mapping[str, Any]) -> int:
    """Return the id of an import: the one of this file that was interrupted, else a new one."""
    row = schema.import_run.c
    query = select(row.id).where(
        row.workspace_id == scope.workspace_id, row.source_id == source_id, row.file == file, row.state == RUNNING
    )
    known = scope.connection.execute(query).scalar()
    if known is not None:
        return int(known)
    new_id = scope.new_id()
    columns = ("id", "source_id", "file", "kind", "mapping", "state", "counts", "started_at")
    values = (new_id, source_id, file, kind, json.dumps(mapping), RUNNING, "{}", scope.now)
    bulk.insert(scope, schema.import_run, columns, [values])
    return new_id


def finish(scope: Scope, import_id: int, counts: Mapping[str, Any]) -> None:
    """Note that an import has read its file to the end."""
    columns = ("state", "counts", "finished_at")
    bulk.update(scope, schema.import_run, columns, ("id",), [(DONE, json.dumps(counts), scope.now, import_id)])


def new_fingerprints(scope: Scope, source_id: int, import_id: int, prints: Sequence[bytes]) -> set[bytes]:
    """Write the fingerprints that are not known yet, and return them."""
    row = schema.fingerprint.c
    known = scope.connection.execute(
        select(row.fingerprint).where(
            row.workspace_id == scope.workspace_id, row.source_id == source_id, row.fingerprint.in_(prints)
        )
    )
    fresh = set(prints) - set(known.scalars())
    rows = [(source_id, one, import_id) for one in sorted(fresh)]
    bulk.insert(scope, schema.fingerprint, ("source_id", "fingerprint", "import_id"), rows)
    return fresh


def refuse(scope: Scope, source_id: int, import_id: int, refused: Sequence[tuple[int, str, Sequence[str]]]) -> None:
    """Keep lines that do not fit, with the reason."""
    ids = scope.new_ids(len(refused))
    rows = [
        (new_id, source_id, import_id, f"line {number}", reason, _payload(cells), scope.now)
        for new_id, (number, reason, cells) in zip(ids, refused, strict=True)
    ]
    columns = ("id", "source_id", "import_id", "place", "reason", "payload", "received_at")
    bulk.insert(scope, schema.quarantine, columns, rows)


def orders(scope: Scope, import_id: int, source: str) -> Iterator[tuple[Event, Owner]]:
    """Yield the orders and returns that the lines of an import add up to, each at the time of its first line."""
    row = schema.event.c
    query = (
        select(
            row.name,
            row.ref,
            row.customer_id,
            row.origin_id,
            row.currency,
            func.min(row.occurred_at),
            func.sum(row.quantity),
            func.sum(row.amount),
        )
        .where(row.workspace_id == scope.workspace_id, row.import_id == import_id, row.name.in_(sorted(WHOLE)))
        .group_by(row.name, row.ref, row.customer_id, row.origin_id, row.currency)
        .order_by(func.min(row.occurred_at), row.ref)
    )
    for name, ref, customer_id, origin_id, currency, at, quantity, amount in scope.connection.execute(query).all():
        event = Event(
            name=WHOLE[name],
            customer=(),
            at=at,
            quantity=int(quantity),
            amount=int(amount),
            currency=currency,
            ref=ref,
            source=source,
        )
        yield event, (customer_id, origin_id)


def _payload(cells: Sequence[str]) -> str:
    return json.dumps([cell.encode("utf-8", "replace").decode() for cell in cells], ensure_ascii=False)
