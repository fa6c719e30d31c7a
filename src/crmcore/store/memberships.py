"""Who is in which segment, as it was last recorded."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select

from crmcore.model.happens import ENTERED, LEFT
from crmcore.store import bulk, schema
from crmcore.store.identities import Owner
from crmcore.store.scope import Scope

#: A segment and a customer, by id.
Pair = tuple[int, int]


def of_customers(scope: Scope, customers: Collection[int]) -> set[Pair]:
    """Return the segments each customer is in."""
    columns = ("segment_id", "customer_id")
    return {
        (one, other)
        for one, other in bulk.select_in(scope, schema.membership, columns, {}, "customer_id", sorted(customers))
    }


def record(scope: Scope, entered: Collection[Pair], left: Collection[Pair]) -> None:
    """Write who has entered and who has left."""
    columns = ("segment_id", "customer_id")
    bulk.delete(scope, schema.membership, columns, sorted(left))
    bulk.insert(scope, schema.membership, (*columns, "entered_at"), [(*one, scope.now) for one in sorted(entered)])


def forget(scope: Scope, customers: Collection[int]) -> None:
    """Remove the memberships of customers who are no more."""
    bulk.delete(scope, schema.membership, ("customer_id",), [(one,) for one in sorted(customers)])


def forget_segment(scope: Scope, segment_id: int) -> None:
    """Remove who is in a segment that is no more, and who was uploaded into it."""
    for table in (schema.membership, schema.segment_member):
        bulk.delete(scope, table, ("segment_id",), [(segment_id,)])


def told(scope: Scope, customers: Collection[int]) -> set[tuple[str, int]]:
    """Return the segments (by name) that each customer is in as far as events have told: entered, and not left since."""
    columns = ("customer_id", "ref", "occurred_at", "id")
    latest: dict[tuple[str, int], tuple[int, int, bool]] = {}
    for name in (ENTERED, LEFT):
        rows = bulk.select_in(scope, schema.event, columns, {"name": name}, "customer_id", sorted(customers))
        for customer_id, segment, at, row_id in rows:
            pair, last = (segment, customer_id), (at, row_id, name == ENTERED)
            latest[pair] = max(latest.get(pair, last), last)
    return {pair for pair, (_, _, is_in) in latest.items() if is_in}


def told_of(scope: Scope, segment: str) -> set[int]:
    """Return the customers who are in a segment (by name) as far as events have told: all that are told of are read."""
    row = schema.event.c
    query = select(row.customer_id, row.occurred_at, row.id, row.name).where(
        row.workspace_id == scope.workspace_id, row.name.in_((ENTERED, LEFT)), row.ref == segment
    )
    latest: dict[int, tuple[int, int, bool]] = {}
    for customer_id, at, row_id, name in scope.connection.execute(query):
        last = (at, row_id, name == ENTERED)
        latest[customer_id] = max(latest.get(customer_id, last), last)
    return {one for one, (_, _, is_in) in latest.items() if is_in}


def last_told(
    scope: Scope, name: str, customers: Collection[int], since: int
) -> dict[tuple[str, int], tuple[int, int]]:
    """Return time and id of the last event of a name that told of a segment (by name) and customer, unless before `since`."""
    columns, ids = ("ref", "customer_id", "occurred_at", "id"), sorted(customers)
    rows = bulk.select_in_after(
        scope, schema.event, columns, {"name": name}, "customer_id", ids, "occurred_at", since - 1
    )
    last: dict[tuple[str, int], tuple[int, int]] = {}
    for segment, customer_id, at, row_id in rows:
        last[segment, customer_id] = max((at, row_id), last.get((segment, customer_id), (at, row_id)))
    return last


def upload(scope: Scope, segment_id: int, owners: Collection[Owner]) -> set[int]:
    """Let the uploaded members of a segment be these; return the customers of whom it was different.

    Whoever is uploaded stays in it when it is parted from whom it was joined with.
    """
    row = schema.segment_member.c
    query = select(row.customer_id, row.origin_id).where(row.workspace_id == scope.workspace_id)
    rows = scope.connection.execute(query.where(row.segment_id == segment_id)).all()
    there, wanted = {customer_id for customer_id, _ in rows}, dict(owners)
    gone = [(segment_id, origin_id) for customer_id, origin_id in sorted(rows) if customer_id not in wanted]
    bulk.delete(scope, schema.segment_member, ("segment_id", "origin_id"), gone)
    new = [(segment_id, one, origin, scope.now) for one, origin in sorted(wanted.items()) if one not in there]
    bulk.insert(scope, schema.segment_member, ("segment_id", "customer_id", "origin_id", "since"), new)
    return there ^ wanted.keys()


def add(scope: Scope, segment_id: int, owners: Collection[Owner]) -> set[int]:
    """Add members to an uploaded segment; return the customers who are given."""
    rows = [(segment_id, customer_id, origin_id, scope.now) for customer_id, origin_id in sorted(set(owners))]
    columns = ("segment_id", "customer_id", "origin_id", "since")
    bulk.insert_new(scope, schema.segment_member, columns, rows)
    return {customer_id for customer_id, _ in owners}


def clear(scope: Scope) -> None:
    """Remove the whole record: it is made again as customers are looked at, and told of only where it differs."""
    bulk.run(scope, "DELETE FROM crm_membership WHERE workspace_id = :workspace", {"workspace": scope.workspace_id})
