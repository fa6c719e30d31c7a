"""One customer as a whole."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
from sqlalchemy import select

from crmcore.model.identity import Identity
from crmcore.model.values import Value
from crmcore.store import attributes, consents, schema, tags
from crmcore.store.scope import Scope


@attrs.frozen(kw_only=True)
class EventSum:
    """What a customer did of one name: `amount` in minor units of `currency`, `quantity` times 10^6, times in microseconds."""

    name: str
    currency: str
    count: int
    first_at: int
    last_at: int
    quantity: int
    amount: int


@attrs.frozen(kw_only=True)
class ConsentView:
    """The latest statement about one purpose on one channel ("*": every channel)."""

    purpose: str
    channel: str
    granted: bool
    at: int


@attrs.frozen(kw_only=True)
class WishView:
    """The latest wish about one topic on one channel ("*": every channel)."""

    topic: str
    channel: str
    wanted: bool
    at: int


@attrs.frozen(kw_only=True)
class CustomerView:
    """All that is known of a customer; `suppressed` names channel and reason of what must never be sent."""

    id: int
    key: str | None
    created_at: int
    identities: tuple[Identity, ...]
    attributes: Mapping[str, Value]
    tags: tuple[str, ...]
    consents: tuple[ConsentView, ...]
    subscriptions: tuple[WishView, ...]
    suppressed: tuple[tuple[str, str], ...]
    sums: tuple[EventSum, ...]


def view(scope: Scope, customer_id: int) -> CustomerView:
    """Return one customer."""
    key, created_at = _row(scope, customer_id)
    identities = identities_of(scope, customer_id)
    return CustomerView(
        id=customer_id,
        key=key,
        created_at=created_at,
        identities=identities,
        attributes=attributes.of(scope, customer_id),
        tags=tuple(tags.of(scope, customer_id)),
        consents=tuple(
            ConsentView(purpose=purpose, channel=channel, granted=granted, at=at)
            for purpose, channel, granted, at in consents.states_of(scope, customer_id)
        ),
        subscriptions=tuple(
            WishView(topic=topic, channel=channel, wanted=wanted, at=at)
            for topic, channel, wanted, at in consents.wishes_of(scope, customer_id)
        ),
        suppressed=_suppressed(scope, customer_id, identities),
        sums=_sums(scope, customer_id),
    )


def identities_of(scope: Scope, customer_id: int) -> tuple[Identity, ...]:
    """Return the identities that lead to a customer, sorted."""
    row = schema.identity.c
    query = select(row.kind, row.value).where(row.workspace_id == scope.workspace_id, row.customer_id == customer_id)
    return tuple(Identity(kind, value) for kind, value in scope.connection.execute(query.order_by(row.kind, row.value)))


def _row(scope: Scope, customer_id: int) -> tuple[str | None, int]:
    row = schema.customer.c
    query = select(row.key, row.created_at).where(row.workspace_id == scope.workspace_id, row.id == customer_id)
    key, created_at = scope.connection.execute(query).one()
    return key, created_at


def _suppressed(scope: Scope, customer_id: int, identities: tuple[Identity, ...]) -> tuple[tuple[str, str], ...]:
    hashes = [scope.hash(one) for one in (*identities, consents.whole_customer(customer_id))]
    return tuple(sorted({(channel, reason) for _, channel, reason, _ in consents.suppressed(scope, hashes)}))


def _sums(scope: Scope, customer_id: int) -> tuple[EventSum, ...]:
    stat = schema.event_stat.c
    names = [field.name for field in attrs.fields(EventSum)]
    query = select(*(stat[name] for name in names)).where(
        stat.workspace_id == scope.workspace_id, stat.customer_id == customer_id
    )
    rows = scope.connection.execute(query.order_by(stat.name, stat.currency))
    return tuple(EventSum(**dict(zip(names, row, strict=True))) for row in rows)
