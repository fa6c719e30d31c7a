"""Message ids of events: those that senders gave, and made ones under which events travel that came without.

A made one holds the event's own id behind a salted hash of it: the workspace it comes from knows it again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import select

from crmcore.model.event import Event
from crmcore.store import bulk, schema
from crmcore.store.identities import IN_LIST
from crmcore.store.scope import Scope

PAGE = 5000
HALF = 8


def each(scope: Scope) -> Iterator[Sequence[Any]]:
    """Yield all message ids that senders gave, in pages: message_id, event_id."""
    row, last = schema.message_id.c, b""
    while True:
        query = (
            select(row.message_id, row.event_id)
            .where(row.workspace_id == scope.workspace_id, row.message_id > last)
            .order_by(row.message_id)
            .limit(PAGE)
        )
        if not (found := scope.connection.execute(query).all()):
            return
        yield found
        last = found[-1].message_id


def made(scope: Scope, event_id: int) -> bytes:
    """Return the message id under which an event travels that came without one."""
    own = event_id.to_bytes(HALF, "big")
    return hashlib.blake2b(own, digest_size=HALF, key=scope.secret, person=b"event export").digest() + own


def foreign(scope: Scope, events: Sequence[Event]) -> list[Event]:
    """Return the events without copies, by made message ids, of events that are in this workspace."""
    own = {
        one.message_id: int.from_bytes(one.message_id[HALF:], "big")
        for one in events
        if one.message_id and _is_made_here(scope, one.message_id)
    }
    there = _there(scope, own.values())
    return [one for one in events if one.message_id is None or own.get(one.message_id) not in there]


def forget_gone(scope: Scope, message_ids: Iterable[bytes]) -> None:
    """Forget those of the message ids whose events are gone, taken back with the import they came in by."""
    found = first_events(scope, list(message_ids))
    there = _there(scope, found.values())
    gone = [(message_id,) for message_id, event_id in sorted(found.items()) if event_id not in there]
    bulk.delete(scope, schema.message_id, ("message_id",), gone)


def first_events(scope: Scope, message_ids: Sequence[bytes]) -> dict[bytes, int]:
    """Return the event that came in first under each message id."""
    row = schema.message_id.c
    first: dict[bytes, int] = {}
    for start in range(0, len(message_ids), IN_LIST):
        rows = scope.connection.execute(
            select(row.message_id, row.event_id).where(
                row.workspace_id == scope.workspace_id, row.message_id.in_(message_ids[start : start + IN_LIST])
            )
        )
        first.update((message_id, event_id) for message_id, event_id in rows)
    return first


def _is_made_here(scope: Scope, message_id: bytes) -> bool:
    event_id = int.from_bytes(message_id[HALF:], "big", signed=True)
    return event_id >= 0 and made(scope, event_id) == message_id


def _there(scope: Scope, events: Collection[int]) -> set[int]:
    rows = bulk.select_in(scope, schema.event, ("id",), {}, "id", sorted(events))
    return {event_id for (event_id,) in rows}
