"""Events into the log: without repeats, resolved to customers, folded into the sums in the same transaction."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
from sqlalchemy import BigInteger, cast, func, select

from crmcore.hooks.notices import EventTracked
from crmcore.model.event import Event
from crmcore.store import bulk, coupons, message_ids, notices, schema, sums
from crmcore.store.identities import Owner
from crmcore.store.scope import Scope
from crmcore.store.sources import source_ids
from crmcore.store.touched import event_key

_EVENT = (
    "id",
    "customer_id",
    "origin_id",
    "name",
    "occurred_at",
    "received_at",
    "item",
    "quantity",
    "amount",
    "currency",
    "ref",
    "properties",
    "source_id",
    "import_id",
    "trace",
)


def unrepeated(scope: Scope, events: Sequence[Event]) -> tuple[list[Event], list[int]]:
    """Return the events whose message id had not come in before, the first of each, and ids for their rows."""
    if scope.import_id is not None:
        events = message_ids.foreign(scope, events)
        message_ids.forget_gone(scope, [event.message_id for event in events if event.message_id])
    ids = scope.new_ids(len(events))
    named = [
        (event.message_id, new_id, scope.now) for event, new_id in zip(events, ids, strict=True) if event.message_id
    ]
    new = bulk.insert_new(scope, schema.message_id, ("message_id", "event_id", "received_at"), named)
    if new == len(named):
        return list(events), ids
    first = message_ids.first_events(scope, [message_id for message_id, _, _ in named])
    fresh = [
        (event, new_id)
        for event, new_id in zip(events, ids, strict=True)
        if not event.message_id or first[event.message_id] == new_id
    ]
    return [event for event, _ in fresh], [new_id for _, new_id in fresh]


def append(scope: Scope, events: Sequence[Event], ids: Sequence[int], owners: Sequence[Owner]) -> None:
    """Write events of known owners under their ids, and fold them into the sums."""
    sources = source_ids(scope, {event.source for event in events})
    rows = [
        (
            event_id,
            owner[0],
            owner[1],
            event.name,
            event.at,
            scope.now,
            event.item,
            event.quantity,
            event.amount,
            event.currency,
            event.ref,
            event.properties,
            sources[event.source],
            scope.import_id,
            event.trace,
        )
        for event_id, owner, event in zip(ids, owners, events, strict=True)
    ]
    bulk.insert(scope, schema.event, _EVENT, rows)
    coupons.redeem(scope, events)
    sums.fold(scope, events, owners)
    scope.appended.note(events, ids, owners)
    for event, owner in zip(events, owners, strict=True):
        scope.touched.note(owner[0], event_key(event.name))
    if notices.is_heard(scope, EventTracked):
        notices.post(scope, [_tracked(*one) for one in zip(ids, owners, events, strict=True)])


def _tracked(event_id: int, owner: Owner, event: Event) -> EventTracked:
    return EventTracked(event_id=event_id, customer_id=owner[0], name=event.name, at=event.at)


def exists(scope: Scope, customer_id: int, name: str, ref: str) -> bool:
    """Tell whether a customer has an event of this name with this ref."""
    row = schema.event.c
    query = select(row.id).where(
        row.workspace_id == scope.workspace_id, row.customer_id == customer_id, row.name == name, row.ref == ref
    )
    return scope.connection.execute(query.limit(1)).first() is not None


def by_id(scope: Scope, event_id: int, name: str) -> tuple[Owner, int, str] | None:
    """Return the owner, time and properties of an event of this name; None where it is not there."""
    row = schema.event.c
    query = select(row.customer_id, row.origin_id, row.occurred_at, row.properties).where(
        bulk.mine_by_id(scope, schema.event), row.id == event_id, row.name == name
    )
    found = scope.connection.execute(query).one_or_none()
    return None if found is None else ((found[0], found[1]), found[2], found[3])


@attrs.frozen(kw_only=True)
class TimelineLine:
    """One event of a customer; `quantity` times 10^6, `amount` in minor units, `properties` as JSON text.

    What is no event comes from a `module`, which gives it a `title`; its `id` is 0.
    """

    id: int
    name: str
    at: int
    item: str | None = None
    quantity: int | None = None
    amount: int | None = None
    currency: str | None = None
    ref: str | None = None
    properties: str
    module: str = ""
    title: str = ""


_LINE = ("id", "name", "at", "item", "quantity", "amount", "currency", "ref", "properties")


def timeline(scope: Scope, customer_id: int, limit: int) -> list[TimelineLine]:
    """Return a customer's latest events, newest first."""
    event = schema.event.c
    rows = scope.connection.execute(
        select(
            event.id,
            event.name,
            event.occurred_at,
            event.item,
            event.quantity,
            event.amount,
            event.currency,
            event.ref,
            event.properties,
        )
        .where(event.workspace_id == scope.workspace_id, event.customer_id == customer_id)
        .order_by(event.occurred_at.desc(), event.id.desc())
        .limit(limit)
    )
    return [TimelineLine(**dict(zip(_LINE, row, strict=True))) for row in rows]


@attrs.frozen(kw_only=True)
class Total:
    """All events of one name and currency ("" where there is none): how many, of how many customers, and their sums."""

    name: str
    currency: str
    count: int
    customers: int
    quantity: int
    amount: int


def totals(scope: Scope) -> list[Total]:
    """Return the sums over all customers, by event name and currency."""
    day = schema.event_day.c
    query = (
        select(
            day.name,
            day.currency,
            cast(func.sum(day.count), BigInteger),
            func.count(func.nullif(day.customer_id, sums.NOBODY).distinct()),
            cast(func.sum(day.quantity), BigInteger),
            cast(func.sum(day.amount), BigInteger),
        )
        .where(day.workspace_id == scope.workspace_id)
        .group_by(day.name, day.currency)
        .order_by(day.name, day.currency)
    )
    return [
        Total(name=name, currency=currency, count=count, customers=customers, quantity=quantity, amount=amount)
        for name, currency, count, customers, quantity, amount in scope.connection.execute(query)
    ]
