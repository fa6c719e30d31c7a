"""What is known of many customers at once, a page at a time."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from sqlalchemy import select

from crmcore.model.values import Value, restored
from crmcore.store import bulk, schema
from crmcore.store.identities import IN_LIST
from crmcore.store.scope import Scope

#: The values of each customer by attribute name.
Facts = dict[str, list[Value]]


def living(scope: Scope) -> array[int]:
    """Return the ids of all customers but those merged away or erased, in order."""
    row = schema.customer.c
    query = select(row.id).where(
        row.workspace_id == scope.workspace_id, row.merged_into.is_(None), row.erased_at.is_(None)
    )
    return array("q", sorted(scope.connection.execute(query).scalars()))


def facts(scope: Scope, customers: Sequence[int], names: Sequence[str], kinds: Sequence[str]) -> dict[int, Facts]:
    """Return the attributes of these names, and the identities of these kinds under the name of their kind."""
    known: dict[int, Facts] = {customer_id: {} for customer_id in customers}
    for start in range(0, len(customers), IN_LIST):
        some = customers[start : start + IN_LIST]
        for customer_id, name, value in (*_attributes(scope, some, names), *_identities(scope, some, kinds)):
            known[customer_id].setdefault(name, []).append(value)
    return known


def _attributes(scope: Scope, customers: Sequence[int], names: Sequence[str]) -> list[tuple[int, str, Value]]:
    columns = ("customer_id", "name", "kind", "number", "text")
    rows = bulk.select_in(scope, schema.attribute, columns, {}, "customer_id", list(customers))
    wanted = frozenset(names)
    return [(one, name, restored(kind, number, text)) for one, name, kind, number, text in rows if name in wanted]


def _identities(scope: Scope, customers: Sequence[int], kinds: Sequence[str]) -> list[tuple[int, str, Value]]:
    columns = ("customer_id", "kind", "value")
    rows = bulk.select_in(scope, schema.identity, columns, {}, "customer_id", list(customers))
    wanted = frozenset(kinds)
    return [(one, kind, value) for one, kind, value in rows if kind in wanted]
