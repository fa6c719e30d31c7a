"""What templates say of customers: keys, attributes, tags and addresses, for many customers at once."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from crmcore.model.identity import Identity
from crmcore.model.values import Value, restored
from crmcore.store import bulk, schema
from crmcore.store.scope import Scope


def of_customers(scope: Scope, customers: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Return each customer's attributes, with `key` and `tags` beside them; an attribute that is null is there as None."""
    known = bulk.select_in(scope, schema.customer, ("id", "key"), {}, "id", customers)
    contexts: dict[int, dict[str, Any]] = {one: {"key": key, "tags": []} for one, key in known}
    columns = ("customer_id", "name", "kind", "number", "text")
    for one, name, kind, number, text in bulk.select_in(scope, schema.attribute, columns, {}, "customer_id", customers):
        contexts[one][name] = restored(kind, number, text)
    tags = bulk.select_in(scope, schema.tag, ("customer_id", "name"), {}, "customer_id", customers)
    for one, name in sorted(map(tuple, tags)):
        contexts[one]["tags"].append(name)
    return contexts


def reached(scope: Scope, channel: str, customers: Sequence[int]) -> dict[int, tuple[int, ...]]:
    """Return the ids of the addresses that a channel's messages to each customer go to; those without one are left out."""
    kinds = scope.address_kinds.get(channel, frozenset())
    if channel in scope.each_address:
        return every_address(scope, customers, kinds)
    return {one: (found,) for one, found in addresses(scope, customers, kinds).items()}


def addresses(scope: Scope, customers: Sequence[int], kinds: Collection[str]) -> dict[int, int]:
    """Return the id of each customer's oldest address of these kinds; those without one are left out."""
    oldest: dict[int, int] = {}
    for customer_id, one in _addresses(scope, customers, kinds):
        oldest[customer_id] = min(one, oldest.get(customer_id, one))
    return oldest


def every_address(scope: Scope, customers: Sequence[int], kinds: Collection[str]) -> dict[int, tuple[int, ...]]:
    """Return the ids of each customer's addresses of these kinds, the oldest first; those without one are left out."""
    found: dict[int, tuple[int, ...]] = {}
    for customer_id, one in sorted(_addresses(scope, customers, kinds)):
        found[customer_id] = (*found.get(customer_id, ()), one)
    return found


def _addresses(scope: Scope, customers: Sequence[int], kinds: Collection[str]) -> Iterator[tuple[int, int]]:
    columns = ("customer_id", "id", "kind", "removed_at")
    rows = bulk.select_in(scope, schema.identity, columns, {}, "customer_id", customers)
    return ((one, address_id) for one, address_id, kind, removed_at in rows if removed_at is None and kind in kinds)


def names(scope: Scope, customers: Sequence[int], kinds: Collection[str]) -> dict[int, set[Identity]]:
    """Return all the identities of some kinds that customers are known by, removed ones among them."""
    rows = bulk.select_in(scope, schema.identity, ("customer_id", "kind", "value"), {}, "customer_id", customers)
    found: dict[int, set[Identity]] = {}
    for customer_id, kind, value in rows:
        if kind in kinds:
            found.setdefault(customer_id, set()).add(Identity(kind, value))
    return found


def address_owners(scope: Scope, names: Collection[Identity]) -> dict[Identity, tuple[int, int]]:
    """Return the id of each address that is known, and the customer it belongs to; removed ones are left out."""
    columns = ("value", "id", "customer_id", "removed_at")
    found: dict[Identity, tuple[int, int]] = {}
    for kind in sorted({one.kind for one in names}):
        values = sorted(one.value for one in names if one.kind == kind)
        rows = bulk.select_in(scope, schema.identity, columns, {"kind": kind}, "value", values)
        found |= {Identity(kind, value): (one, owner) for value, one, owner, removed_at in rows if removed_at is None}
    return found


def locales(scope: Scope, customers: Sequence[int]) -> dict[int, str]:
    """Return the locale of the customers who have said one."""
    return texts(scope, customers, "locale")


def values(scope: Scope, customers: Sequence[int], name: str) -> dict[int, Value]:
    """Return what an attribute is of the customers who have it."""
    columns = ("customer_id", "kind", "number", "text")
    # Another index begins with the name; without statistics it would seem as good, and reads the attribute of everybody.
    rows = bulk.select_in(scope, schema.attribute, columns, {"name || ''": name}, "customer_id", customers)
    return {one: restored(kind, number, text) for one, kind, number, text in rows}


def keys(scope: Scope, customers: Sequence[int]) -> dict[int, str]:
    """Return the key of the customers whom the host knows by one."""
    rows = bulk.select_in(scope, schema.customer, ("id", "key"), {}, "id", customers)
    return {one: key for one, key in rows if key is not None}


def texts(scope: Scope, customers: Sequence[int], name: str) -> dict[int, str]:
    """Return what an attribute says of the customers of whom it is a text."""
    return {one: value for one, value in values(scope, customers, name).items() if isinstance(value, str)}


def oldest_addresses(scope: Scope, customers: Sequence[int], kinds: Collection[str]) -> dict[int, Identity]:
    """Return each customer's oldest address of these kinds; those without one are left out."""
    ids = addresses(scope, customers, kinds)
    rows = bulk.select_in(scope, schema.identity, ("customer_id", "kind", "value"), {}, "id", sorted(ids.values()))
    return {one: Identity(kind, value) for one, kind, value in rows}
