"""From a line to statements: one function for each kind of file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import attrs

from crmcore.flow.importing import contacts, entries, exported_rows
from crmcore.flow.importing.reader import Cells, Reader, listed
from crmcore.model import verbs
from crmcore.model.identity import Identity, identity
from crmcore.model.names import slug
from crmcore.model.statement import ANY_CHANNEL
from crmcore.model.wire import Statement

DROPPED_NO_CUSTOMER = "no customer"
DROPPED_NO_ACCOUNT = "no account"
DROPPED_NOT_POSITIVE = "quantity or price not above 0"

Named = tuple[Identity, ...]


@attrs.frozen(kw_only=True)
class Line:
    """What a line says, as statements; or why it is left out."""

    statements: Sequence[Statement] = ()
    dropped: str = ""


def order_line(read: Reader, cells: Cells, now: int) -> Line:
    """A line of an order, or of a return; its amount is quantity x price, rounded once."""
    named = _customer(read, cells)
    if not named:
        return Line(dropped=DROPPED_NO_CUSTOMER)
    ref, item, at = read.text("ref", cells), read.text("item", cells), read.at(cells)
    quantity, price = read.number("quantity", cells), read.number("price", cells)
    is_return = bool(read.map.returns_prefix) and ref.startswith(read.map.returns_prefix)
    if price <= 0 or (quantity >= 0 if is_return else quantity <= 0):
        return Line(dropped=DROPPED_NOT_POSITIVE)
    event = verbs.event(
        now,
        "item_returned" if is_return else "item_ordered",
        named,
        at=at,
        item=item,
        quantity=abs(quantity),
        amount=read.money(abs(quantity) * price, cells),
        ref=ref,
        source=read.map.source,
    )
    told = _told(read, cells, named, at, now)
    if is_return:
        return Line(statements=(event, *told))
    price_each = read.money(price, cells)
    offer = verbs.offer(now, item, title=read.text("title", cells), price=price_each, at=at)
    return Line(statements=(event, *told, offer))


def customer_line(read: Reader, cells: Cells, now: int) -> Line:
    """A line about a customer: every column that is filled, and whether this customer may be written to."""
    if read.map.escaped:
        said = exported_rows.customer(read.cells_filled(cells), read.map.source, now)
        return Line(statements=said, dropped="" if said else DROPPED_NO_CUSTOMER)
    known = entries.of(read, cells) | read.filled(read.attributes, cells)
    named = _customer(read, cells) or _addressed(known)
    if not named:
        return Line(dropped=DROPPED_NO_CUSTOMER)
    at = read.at_or(cells, now)
    told = verbs.identify(
        now,
        named,
        known,
        tags=_tags(read.text("tags", cells)),
        at=at,
        source=read.map.source,
    )
    return Line(statements=(told, *contacts.statements(read, cells, told.customer, at, now)))


def event_line(read: Reader, cells: Cells, now: int) -> Line:
    """A line about something that happened."""
    if read.map.escaped:
        happened = exported_rows.event(read.cells_filled(cells), now)
        return Line(dropped=DROPPED_NO_CUSTOMER) if happened is None else Line(statements=(happened,))
    named = _customer(read, cells)
    if not named:
        return Line(dropped=DROPPED_NO_CUSTOMER)
    event = verbs.event(
        now,
        read.text("name", cells),
        named,
        at=read.at(cells),
        item=read.text("item", cells) or None,
        quantity=read.number("quantity", cells) if read.text("quantity", cells) else None,
        amount=read.money(read.number("amount", cells), cells) if read.text("amount", cells) else None,
        ref=read.text("ref", cells) or None,
        properties=read.filled(read.properties, cells),
        source=read.map.source,
    )
    return Line(statements=(event, *_told(read, cells, named, event.at, now)))


def consent_line(read: Reader, cells: Cells, now: int) -> Line:
    """A line about a legal basis, given unless its column says otherwise."""
    named = _customer(read, cells)
    if not named:
        return Line(dropped=DROPPED_NO_CUSTOMER)
    consent = verbs.consent(
        now,
        named,
        read.text("purpose", cells),
        granted=read.truth("granted", cells) if read.text("granted", cells) else True,
        channel=read.text("channel", cells) or ANY_CHANNEL,
        basis=read.text("basis", cells) or "consent",
        text_version=read.text("text_version", cells),
        proof={name: cell(cells) for name, cell in read.proof.items() if cell(cells)},
        at=read.at_or(cells, now),
        source=read.map.source,
    )
    return Line(statements=(consent, *_told(read, cells, named, consent.at, now)))


def account_line(read: Reader, cells: Cells, now: int) -> Line:
    """A line about an account, and a customer who belongs to it where one is named."""
    account = read.text("account", cells)
    if not account:
        return Line(dropped=DROPPED_NO_ACCOUNT)
    group = verbs.group(
        now,
        account,
        name=read.text("title", cells) or None,
        parent=read.text("parent", cells) or None,
        attributes=read.filled(read.attributes, cells),
        customer=_customer(read, cells) or None,
        role=read.text("role", cells),
        at=read.at_or(cells, now),
        source=read.map.source,
    )
    return Line(statements=(group,))


LINES: dict[str, Callable[[Reader, Cells, int], Line]] = {
    "orders": order_line,
    "customers": customer_line,
    "events": event_line,
    "consents": consent_line,
    "accounts": account_line,
}


def _customer(read: Reader, cells: Cells) -> Named:
    """Return all identities a line names its customer by; none where it names nobody."""
    customer = read.text("customer", cells)
    named = (_identity(read.map.identity, customer, read.map.columns.customer),) if customer else ()
    if not read.identities:
        return named
    further = (
        _identity(kind, value, read.map.columns.identities[kind])
        for kind, cell in read.identities.items()
        if (value := cell(cells))
    )
    return (*named, *(one for one in further if one not in named))


def _addressed(known: Mapping[str, Any]) -> Named:
    """Return the address of somebody without a key: an e-mail address is one person's, a telephone may be several's."""
    return (identity("email", known["email"], "email"),) if known.get("email") else ()


@lru_cache(maxsize=65_536)
def _identity(kind: str, value: str, column: str) -> Identity:
    return identity(kind, value, f"column {column}")


def _tags(text: str) -> list[str]:
    return [slug(part) for part in listed(text)]


def _told(read: Reader, cells: Cells, named: Named, at: int, now: int) -> tuple[Statement, ...]:
    attributes = read.filled(read.attributes, cells)
    return (verbs.identify(now, named, attributes, at=at, source=read.map.source),) if attributes else ()
