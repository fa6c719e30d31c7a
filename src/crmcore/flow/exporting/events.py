"""Events as rows of a file, in the order they came in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from crmcore.model.event import NO_PROPERTIES
from crmcore.model.money import exponent
from crmcore.model.values import SCALE
from crmcore.store import leads, message_ids, paging, schema
from crmcore.store.scope import Scope
from crmcore.store.scratch import Scratch

_WHOLE = 10**SCALE
#: How many message ids are kept in memory.
NOTED = 50_000


def pages(scope: Scope) -> Iterator[list[tuple[Any, ...]]]:
    """Yield all events as rows of `headings.OF_EVENTS`."""
    with Scratch(NOTED) as notes:
        for known in message_ids.each(scope):
            notes.write({event_id: message_id.hex() for message_id, event_id in known})
        for page in paging.events(scope):
            yield _rows(scope, page, notes)


def _rows(scope: Scope, page: Sequence[Any], notes: Scratch) -> list[tuple[Any, ...]]:
    called = leads.of(scope, {one.customer_id for one in page})
    sources = paging.by_id(scope, schema.source, ("name",), {one.source_id for one in page})
    given = notes.read([one.id for one in page])
    rows = []
    for event_id, customer_id, name, at, item, quantity, amount, currency, ref, properties, source_id, trace in page:
        lead = called.get(customer_id)
        row = (
            at,
            name,
            None if lead is None else lead.value,
            None if lead is None else lead.kind,
            item,
            None if quantity is None else _quantity(quantity),
            None if amount is None else Decimal(amount).scaleb(-exponent(currency or "")),
            currency,
            ref,
            None if properties == NO_PROPERTIES else properties,
            None if source_id is None else sources[source_id][0],
            _dashed(given.get(event_id) or message_ids.made(scope, event_id).hex()),
            trace,
        )
        rows.append(row)
    return rows


def _quantity(number: int) -> Decimal:
    whole, rest = divmod(number, _WHOLE)
    return Decimal(number).scaleb(-SCALE) if rest else Decimal(whole)


def _dashed(digits: str) -> str:
    """Return 16 bytes as a UUID is written, which many of them are."""
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
