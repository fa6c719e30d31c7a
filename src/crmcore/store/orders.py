"""Orders that imported lines add up to: one event an order, kept as its lines come and go."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import attrs
from sqlalchemy import func, select

from crmcore.model.event import Event
from crmcore.store import bulk, events, schema
from crmcore.store import sums as kept
from crmcore.store.identities import IN_LIST, Owner
from crmcore.store.scope import Scope

#: The event that lines of a name add up to.
WHOLE = {"item_ordered": "order_placed", "item_returned": "order_returned"}
KIND = "orders"


@attrs.frozen
class Order:
    """What lines of one order have in common."""

    name: str
    ref: str
    customer_id: int
    origin_id: int
    currency: str


@attrs.frozen
class Sums:
    """What lines add up to; `at` is the time of the first, `quantity` times 10^6, `amount` in minor units."""

    at: int
    quantity: int
    amount: int

    def __add__(self, other: Sums) -> Sums:
        return Sums(min(self.at, other.at), self.quantity + other.quantity, self.amount + other.amount)


@attrs.frozen
class Kept:
    """The event that stands for an order, and the first import whose lines it counts."""

    id: int
    sums: Sums
    import_id: int


def add(scope: Scope, source_id: int, source: str, lines: Sequence[Event], owners: Sequence[Owner]) -> int:
    """Let orders count lines that have just been written; return how many orders were new."""
    more: dict[Order, Sums] = {}
    for line, owner in zip(lines, owners, strict=True):
        order = Order(WHOLE[line.name], line.ref or "", *owner, line.currency or "")
        sums = Sums(line.at, line.quantity or 0, line.amount or 0)
        more[order] = more[order] + sums if order in more else sums
    known = _known(scope, source_id, {order.customer_id for order in more})
    new = {order: sums for order, sums in more.items() if order not in known}
    _insert(scope, source, new)
    _update(scope, {known[order].id: known[order].sums + sums for order, sums in more.items() if order in known})
    there = [order for order in more if order in known]
    kept.settle(scope, {one.customer_id for one in there}, {kept.day_of(known[one].sums.at) for one in there})
    return len(new)


def settle(scope: Scope, source_id: int, customers: Collection[int]) -> set[int]:
    """Let the orders of customers be what is left of their lines, and take away those of which nothing is left.

    Return the days on which they were before.
    """
    known = _known(scope, source_id, customers)
    left = _from_lines(scope, source_id, customers)
    bulk.delete(scope, schema.event, ("id",), [(known[order].id,) for order in known if order not in left])
    rows = [
        (sums.at, sums.quantity, sums.amount, import_id, known[order].id)
        for order, (sums, import_id) in left.items()
        if order in known and (sums, import_id) != (known[order].sums, known[order].import_id)
    ]
    bulk.update(scope, schema.event, ("occurred_at", "quantity", "amount", "import_id"), ("id",), rows)
    return {kept.day_of(one.sums.at) for one in known.values()}


def _known(scope: Scope, source_id: int, customers: Collection[int]) -> dict[Order, Kept]:
    """Return the orders that lines of a source have added up to."""
    imports = set(_imports(scope, source_id))
    columns = ("id", "ref", "customer_id", "origin_id", "currency", "occurred_at", "quantity", "amount", "import_id")
    return {
        Order(name, ref, customer_id, origin_id, currency): Kept(row_id, Sums(at, quantity, amount), import_id)
        for name in WHOLE.values()
        for row_id, ref, customer_id, origin_id, currency, at, quantity, amount, import_id in bulk.select_in(
            scope, schema.event, columns, {"name": name}, "customer_id", sorted(customers)
        )
        if import_id in imports
    }


def _imports(scope: Scope, source_id: int) -> Iterable[int]:
    row = schema.import_run.c
    return scope.connection.execute(
        select(row.id).where(row.workspace_id == scope.workspace_id, row.source_id == source_id, row.kind == KIND)
    ).scalars()


def _from_lines(scope: Scope, source_id: int, customers: Collection[int]) -> dict[Order, tuple[Sums, int]]:
    """Return what the lines of customers add up to, and the first import they came from."""
    row, ids, imports = schema.event.c, sorted(customers), list(_imports(scope, source_id))
    key = (row.name, row.ref, row.customer_id, row.origin_id, row.currency)
    sums = (func.min(row.occurred_at), func.sum(row.quantity), func.sum(row.amount), func.min(row.import_id))
    found: dict[Order, tuple[Sums, int]] = {}
    for start in range(0, len(ids), IN_LIST):
        query = (
            select(*key, *sums)
            .where(
                row.workspace_id == scope.workspace_id,
                row.customer_id.in_(ids[start : start + IN_LIST]),
                row.name.in_(sorted(WHOLE)),
                row.import_id.in_(imports),
            )
            .group_by(*key)
        )
        for name, ref, customer_id, origin_id, currency, at, quantity, amount, import_id in scope.connection.execute(
            query
        ):
            order = Order(WHOLE[name], ref, customer_id, origin_id, currency)
            found[order] = (Sums(at, int(quantity), int(amount)), import_id)
    return found


def _insert(scope: Scope, source: str, new: dict[Order, Sums]) -> None:
    made = [
        Event(
            name=order.name,
            customer=(),
            at=sums.at,
            quantity=sums.quantity,
            amount=sums.amount,
            currency=order.currency,
            ref=order.ref,
            source=source,
        )
        for order, sums in new.items()
    ]
    owners = [(order.customer_id, order.origin_id) for order in new]
    events.append(scope, made, scope.new_ids(len(made)), owners)


def _update(scope: Scope, sums: dict[int, Sums]) -> None:
    rows: list[tuple[Any, ...]] = [(one.at, one.quantity, one.amount, row_id) for row_id, one in sums.items()]
    bulk.update(scope, schema.event, ("occurred_at", "quantity", "amount"), ("id",), rows)
