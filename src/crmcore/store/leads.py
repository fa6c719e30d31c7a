"""What customers are called where they leave the store: the key, else the first of their identities by kind and value."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from sqlalchemy import func, select, tuple_

from crmcore.model.identity import KEY, Identity
from crmcore.store import bulk, schema
from crmcore.store.scope import Scope

PAGE = 1000
Leads = dict[int, Identity]


def count(scope: Scope) -> int:
    """Return how many customers there are: those that were merged away or erased are none."""
    row = schema.customer.c
    query = select(func.count()).where(
        row.workspace_id == scope.workspace_id, row.merged_into.is_(None), row.erased_at.is_(None)
    )
    return scope.connection.execute(query).scalar_one()


def pages(scope: Scope) -> Iterator[Leads]:
    """Yield all customers by id, in the order of what they are called."""
    last = Identity("", "")
    while rows := _identities_after(scope, last):
        leads = of(scope, {one.customer_id for one in rows})
        named = ((one.customer_id, Identity(one.kind, one.value)) for one in rows)
        yield {customer_id: name for customer_id, name in named if leads.get(customer_id) == name}
        last = Identity(rows[-1].kind, rows[-1].value)


def of(scope: Scope, customers: Collection[int]) -> Leads:
    """Return what customers are called; those that were merged away or erased are left out."""
    columns = ("id", "key", "merged_into", "erased_at")
    rows = bulk.select_in(scope, schema.customer, columns, {}, "id", sorted(customers))
    there = {one.id: one.key for one in rows if one.merged_into is None and one.erased_at is None}
    leads = {one: Identity(KEY, key) for one, key in there.items() if key is not None}
    return leads | _first_names(scope, [one for one, key in there.items() if key is None])


def _first_names(scope: Scope, customers: Collection[int]) -> Leads:
    columns = ("customer_id", "kind", "value")
    first: Leads = {}
    for one, kind, value in bulk.select_in(scope, schema.identity, columns, {}, "customer_id", sorted(customers)):
        name = Identity(kind, value)
        first[one] = min(name, first.get(one, name))
    return first


def _identities_after(scope: Scope, last: Identity) -> list[Any]:
    row = schema.identity.c
    query = (
        select(row.kind, row.value, row.customer_id)
        .where(row.workspace_id == scope.workspace_id, tuple_(row.kind, row.value) > (last.kind, last.value))
        .order_by(row.kind, row.value)
        .limit(PAGE)
    )
    return list(scope.connection.execute(query))
