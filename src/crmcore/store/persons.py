"""Who a person is in the store: the customer, all that was merged into it, the identities that lead to it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import attrs

from crmcore.model.identity import Identity
from crmcore.store import bulk, identities, links, schema
from crmcore.store.links import Neighbourhood
from crmcore.store.scope import Scope


@attrs.frozen(kw_only=True)
class Person:
    """A customer: its `id`, and `ids` with those of its origins and of what was merged into it.

    `customers` are those of the ids that are, or once were, a customer's; `near` the customers at which rows of its origins may
    have stayed; `names` its identities, and those it was asked by that are nobody's.
    """

    id: int
    ids: tuple[int, ...]
    customers: tuple[int, ...]
    near: tuple[int, ...]
    names: tuple[Identity, ...]


def find(scope: Scope, named: Sequence[Identity]) -> Person | None:
    """Return whom the first identity that is known leads to; None where none is."""
    origin_id = _origin(scope, named)
    return None if origin_id is None else _person(scope, named, origin_id, links.around(scope, [origin_id]))


def find_and_claim(scope: Scope, named: Sequence[Identity]) -> Person | None:
    """Return the same; until the transaction ends nobody else says anything of the customer."""
    origin_id = _origin(scope, named)
    return None if origin_id is None else _person(scope, named, origin_id, links.around_and_claimed(scope, [origin_id]))


def _origin(scope: Scope, named: Sequence[Identity]) -> int | None:
    found = identities.find(scope, named)
    return next((found[one][1] for one in named if one in found), None)


def _person(scope: Scope, named: Sequence[Identity], origin_id: int, near: Neighbourhood) -> Person:
    customer_id = near.owners[origin_id]
    origins = {origin for origin, owner in near.owners.items() if owner == customer_id}
    ids = _with_merged(scope, {customer_id, *origins})
    columns = ("kind", "value")
    rows = bulk.select_in(scope, schema.identity, columns, {}, "customer_id", [customer_id])
    names = {Identity(kind, value) for kind, value in rows} | _free(scope, named)
    around = {*ids, *near.owners.values()}
    customers = bulk.select_in(scope, schema.customer, ("id",), {}, "id", sorted(ids))
    return Person(
        id=customer_id,
        ids=tuple(sorted(ids)),
        customers=tuple(sorted(one for (one,) in customers)),
        near=tuple(sorted(around)),
        names=tuple(sorted(names)),
    )


def _free(scope: Scope, named: Sequence[Identity]) -> set[Identity]:
    """Return those by which nobody is known: one that leads to somebody else says nothing of who is meant."""
    return set(named) - identities.find(scope, named).keys()


def _with_merged(scope: Scope, ids: Collection[int]) -> set[int]:
    """Return ids with those of all customers that are merged into them, over however many steps."""
    known, fresh = set(ids), set(ids)
    while fresh:
        told = bulk.select_in(scope, schema.merge, ("from_id", "undone_at"), {}, "into_id", sorted(fresh))
        fresh = {one for one, undone_at in told if undone_at is None} - known
        known |= fresh
    return known
