"""The catalogue and what customers did with it, as recommenders read them."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence

import attrs
from sqlalchemy import select

from crmcore.hooks.recommender import KINDS, Interactions
from crmcore.store import bulk, schema
from crmcore.store.scope import Scope

CHUNK = 10_000
NO_BASKET = -1


@attrs.frozen(kw_only=True)
class Card:
    """An offer; `price` in minor units."""

    item: str
    title: str
    category: str
    price: int | None
    currency: str | None
    stock: int | None
    available_from: int | None
    available_until: int | None
    purpose: str | None

    def is_available(self, now: int, purpose: str) -> bool:
        """Tell whether it can be had, in stock (where that is known) and in its time, and may be in messages of a purpose."""
        return (
            self.purpose in (None, purpose)
            and (self.stock is None or self.stock > 0)
            and (self.available_from is None or self.available_from <= now)
            and (self.available_until is None or now < self.available_until)
        )


def complete(scope: Scope) -> None:
    """Make an offer of every item that events name and nobody has offered."""
    event, offer = schema.event.c, schema.offer.c
    offered = select(offer.item).where(offer.workspace_id == scope.workspace_id)
    query = (
        select(event.item)
        .where(
            event.workspace_id == scope.workspace_id,
            event.name.in_(sorted(KINDS)),
            event.item.is_not(None),
            event.item.not_in(offered),
        )
        .distinct()
    )
    items = sorted(scope.connection.execute(query).scalars())
    rows = [(new_id, item, "", "", "{}", 0) for new_id, item in zip(scope.new_ids(len(items)), items, strict=True)]
    bulk.insert(scope, schema.offer, ("id", "item", "title", "category", "attributes", "at"), rows)


def cards(scope: Scope) -> dict[int, Card]:
    """Return all offers by id."""
    row = schema.offer.c
    columns = [field.name for field in attrs.fields(Card)]
    query = select(row.id, *(row[name] for name in columns)).where(row.workspace_id == scope.workspace_id)
    return {one: Card(**dict(zip(columns, rest, strict=True))) for one, *rest in scope.connection.execute(query)}


def interactions(scope: Scope, offers: Mapping[str, int], until: int) -> Interactions:
    """Return what customers did with items up to a time, as columns."""
    event = schema.event.c
    query = select(
        event.customer_id, event.item, event.name, event.occurred_at, event.quantity, event.amount, event.ref
    ).where(
        event.workspace_id == scope.workspace_id,
        event.name.in_(sorted(KINDS)),
        event.occurred_at <= until,
        event.item.is_not(None),
    )
    columns: tuple[array[int], ...] = tuple(array("q") for _ in range(7))
    baskets: dict[str, int] = {}
    for rows in scope.connection.execution_options(yield_per=CHUNK).execute(query).partitions():
        _extend(columns, rows, offers, baskets)
    customer, item, kind, at, quantity, value, basket = columns
    return Interactions(customer=customer, item=item, kind=kind, at=at, quantity=quantity, value=value, basket=basket)


def _extend(
    columns: tuple[array[int], ...],
    rows: Sequence[Sequence[object]],
    offers: Mapping[str, int],
    baskets: dict[str, int],
) -> None:
    customer, item, name, at, quantity, amount, ref = zip(*rows, strict=True)
    values = (
        customer,
        map(offers.__getitem__, item),
        map(KINDS.__getitem__, name),
        at,
        (one or 0 for one in quantity),
        (one or 0 for one in amount),
        (NO_BASKET if one is None else baskets.setdefault(one, len(baskets)) for one in ref),
    )
    for column, more in zip(columns, values, strict=True):
        column.extend(more)
