"""From a line to a statement: one function for each kind of file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import attrs

from crmcore.flow.importing.mapping import Reader
from crmcore.model import verbs
from crmcore.model.event import Event
from crmcore.model.identity import identity
from crmcore.model.statement import Identify

DROPPED_NO_CUSTOMER = "no customer"
DROPPED_NOT_POSITIVE = "quantity or price not above 0"


@attrs.frozen(kw_only=True)
class Line:
    """What a line says: an event, what it tells of the customer, the offer it names; or why it is left out."""

    event: Event | None = None
    identify: Identify | None = None
    offer: dict[str, Any] | None = None
    dropped: str = ""


def order_line(read: Reader, cells: Sequence[str], now: int) -> Line:
    """A line of an order, or of a return; its amount is quantity x price, rounded once."""
    customer = read.text("customer", cells)
    if not customer:
        return Line(dropped=DROPPED_NO_CUSTOMER)
    ref, item, at = read.text("ref", cells), read.text("item", cells), read.at(cells)
    quantity, price = read.number("quantity", cells), read.number("price", cells)
    is_return = bool(read.map.returns_prefix) and ref.startswith(read.map.returns_prefix)
    if price <= 0 or (quantity >= 0 if is_return else quantity <= 0):
        return Line(dropped=DROPPED_NOT_POSITIVE)
    amount = read.money(abs(quantity) * price, cells)
    named = (identity(read.map.identity, customer),)
    event = verbs.event(
        now,
        "item_returned" if is_return else "item_ordered",
        named,
        at=at,
        item=item,
        quantity=abs(quantity),
        amount=amount,
        ref=ref,
        source=read.map.source,
    )
    offer = {"item": item, "title": read.text("title", cells), "price": read.money(price, cells), "at": at}
    return Line(event=event, identify=_identify(read, cells, named, at, now), offer=None if is_return else offer)


def customer_line(read: Reader, cells: Sequence[str], now: int) -> Line:
    """A line about a customer: every attribute column that is filled."""
    customer = read.text("customer", cells)
    if not customer:
        return Line(dropped=DROPPED_NO_CUSTOMER)
    at = read.at(cells) if "at" in read.cells else now
    named = (identity(read.map.identity, customer),)
    return Line(identify=_identify(read, cells, named, at, now) or verbs.identify(now, named, source=read.map.source))


def event_line(read: Reader, cells: Sequence[str], now: int) -> Line:
    """A line about something that happened."""
    customer = read.text("customer", cells)
    if not customer:
        return Line(dropped=DROPPED_NO_CUSTOMER)
    named = (identity(read.map.identity, customer),)
    amount = read.money(read.number("amount", cells), cells) if read.text("amount", cells) else None
    event = verbs.event(
        now,
        read.text("name", cells),
        named,
        at=read.at(cells),
        item=read.text("item", cells) or None,
        quantity=read.number("quantity", cells) if read.text("quantity", cells) else None,
        amount=amount,
        ref=read.text("ref", cells) or None,
        properties={name: cell(cells) for name, cell in read.properties.items() if cell(cells)},
        source=read.map.source,
    )
    return Line(event=event, identify=_identify(read, cells, named, event.at, now))


LINES: dict[str, Callable[[Reader, Sequence[str], int], Line]] = {
    "orders": order_line,
    "customers": customer_line,
    "events": event_line,
}


def _identify(read: Reader, cells: Sequence[str], named: Any, at: int, now: int) -> Identify | None:
    attributes = {name: cell(cells) for name, cell in read.attributes.items() if cell(cells)}
    return verbs.identify(now, named, attributes, at=at, source=read.map.source) if attributes else None
