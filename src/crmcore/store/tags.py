"""Tags: set and taken off, by the time of the statement; every statement is in the attribute log."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select

from crmcore.store import bulk, flags, schema
from crmcore.store.scope import Scope
from crmcore.store.touched import tag_key


def settle(scope: Scope, customers: Iterable[int]) -> set[int]:
    """Make the tags of customers again from the log, setting winning a tie; return the customers whose tags changed."""
    owners = set(customers)
    latest: dict[tuple[int, str], tuple[int, bool]] = {}
    for one in flags.logged(scope, owners, flags.TAG):
        key = (one.customer_id, one.parts[0])
        latest[key] = max(latest.get(key, (one.at, one.is_on)), (one.at, one.is_on))
    wanted = {(*key, at) for key, (at, is_on) in latest.items() if is_on}
    columns = ("customer_id", "name", "at")
    there = {tuple(row) for row in bulk.select_in(scope, schema.tag, columns, {}, "customer_id", sorted(owners))}
    bulk.delete(scope, schema.tag, ("customer_id", "name"), [row[:2] for row in sorted(there - wanted)])
    bulk.insert(scope, schema.tag, columns, sorted(wanted - there))
    for customer_id, name, _ in there ^ wanted:
        scope.touched.note(customer_id, tag_key(name))
    return {customer_id for customer_id, *_ in there ^ wanted}


def of(scope: Scope, customer_id: int) -> list[str]:
    """Return a customer's tags, sorted."""
    tag = schema.tag.c
    query = select(tag.name).where(tag.workspace_id == scope.workspace_id, tag.customer_id == customer_id)
    return list(scope.connection.execute(query.order_by(tag.name)).scalars())
