"""Conversations: on some channels one may write freely only for a time after the customer has written."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence

from sqlalchemy import select

from crmcore.store import bulk, schema
from crmcore.store.scope import Scope

#: The events that a customer has written.
INBOUND = ("message_received", "message_replied")


def writers(scope: Scope, customers: Sequence[int], channel: str, since: int) -> set[int]:
    """Return those of customers who have written on a channel after an instant."""
    event = schema.event.c
    query = select(event.customer_id, event.properties).where(
        event.workspace_id == scope.workspace_id,
        bulk.among(scope, event.customer_id, customers),
        event.name.in_(INBOUND),
        event.occurred_at > since,
    )
    said = scope.connection.execute(query)
    return {one for one, properties in said if json.loads(properties).get("channel") == channel}


def last_wrote(scope: Scope, customers: Sequence[int], since: int) -> dict[int, int]:
    """Return when customers last wrote, on whatever channel; those who have not since an instant are left out."""
    columns, found = ("customer_id", "occurred_at"), dict[int, int]()
    for name in INBOUND:
        for one, at in bulk.select_in_after(
            scope, schema.event, columns, {"name": name}, "customer_id", customers, "occurred_at", since - 1
        ):
            found[one] = max(at, found.get(one, at))
    return found


def parts(scope: Scope, template_ids: Collection[int]) -> dict[int, frozenset[str]]:
    """Return the names of the parts that versions of templates have and that are not empty."""
    found = bulk.select_in(scope, schema.template, ("id", "parts"), {}, "id", sorted(template_ids))
    return {one: frozenset(name for name, part in json.loads(made).items() if part) for one, made in found}
