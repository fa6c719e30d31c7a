"""One customer as a whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

import attrs
from sqlalchemy import select

from crmcore.model.identity import Identity
from crmcore.model.values import Value
from crmcore.store import attributes, bulk, consents, schema, sums, suppressions, tags
from crmcore.store.scope import Scope
from crmcore.store.sums import DaySum


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
    """All that is known of a customer.

    `removed` are those of `identities` to which nothing is sent any more. `suppressed` names channel and reason of what must never be sent, `accounts` each account with the role in it.
    """

    id: int
    key: str | None
    created_at: int
    identities: tuple[Identity, ...]
    attributes: Mapping[str, Value]
    tags: tuple[str, ...]
    consents: tuple[ConsentView, ...]
    subscriptions: tuple[WishView, ...]
    suppressed: tuple[tuple[str, str], ...]
    accounts: tuple[tuple[str, str], ...]
    sums: tuple[EventSum, ...]
    removed: tuple[Identity, ...] = ()


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
        accounts=_accounts(scope, customer_id),
        sums=_sums(scope, customer_id),
        removed=_removed(scope, customer_id),
    )


def identities_of(scope: Scope, customer_id: int) -> tuple[Identity, ...]:
    """Return the identities that lead to a customer, sorted."""
    row = schema.identity.c
    query = select(row.kind, row.value).where(row.workspace_id == scope.workspace_id, row.customer_id == customer_id)
    return tuple(Identity(kind, value) for kind, value in scope.connection.execute(query.order_by(row.kind, row.value)))


def _removed(scope: Scope, customer_id: int) -> tuple[Identity, ...]:
    columns = ("kind", "value", "removed_at")
    rows = bulk.select_in(scope, schema.identity, columns, {}, "customer_id", [customer_id])
    return tuple(sorted(Identity(kind, value) for kind, value, removed_at in rows if removed_at is not None))


def named(scope: Scope, customers: Sequence[int]) -> dict[int, tuple[str | None, tuple[Identity, ...]]]:
    """Return the key of each customer and the identities that lead to it, sorted."""
    rows = bulk.select_in(scope, schema.identity, ("customer_id", "kind", "value"), {}, "customer_id", list(customers))
    identities: dict[int, list[Identity]] = {one: [] for one in customers}
    for customer_id, kind, value in rows:
        identities[customer_id].append(Identity(kind, value))
    keys = bulk.select_in(scope, schema.customer, ("id", "key"), {}, "id", list(customers))
    return {one: (key, tuple(sorted(identities[one]))) for one, key in keys}


def _row(scope: Scope, customer_id: int) -> tuple[str | None, int]:
    row = schema.customer.c
    query = select(row.key, row.created_at).where(row.workspace_id == scope.workspace_id, row.id == customer_id)
    key, created_at = scope.connection.execute(query).one()
    return key, created_at


def _suppressed(scope: Scope, customer_id: int, identities: tuple[Identity, ...]) -> tuple[tuple[str, str], ...]:
    targets = (*identities, *map(suppressions.marketing_at, identities), suppressions.whole_customer(customer_id))
    hashes = [scope.hash(one) for one in targets]
    return tuple(sorted({(channel, reason) for _, channel, reason, _ in suppressions.in_force(scope, hashes)}))


def _accounts(scope: Scope, customer_id: int) -> tuple[tuple[str, str], ...]:
    member, account = schema.member.c, schema.account.c
    rows = scope.connection.execute(
        select(account.key, member.role)
        .join_from(schema.member, schema.account, account.id == member.account_id)
        .where(
            member.workspace_id == scope.workspace_id,
            account.workspace_id == scope.workspace_id,
            member.customer_id == customer_id,
            member.until.is_(None),
        )
        .order_by(account.key, member.role)
    )
    return tuple((key, role) for key, role in rows)


def _sums(scope: Scope, customer_id: int) -> tuple[EventSum, ...]:
    by_name = groupby(sums.of_days(scope, customer_id), lambda one: (one.name, one.currency))
    return tuple(_sum(*key, list(days)) for key, days in by_name)


def _sum(name: str, currency: str, days: Sequence[DaySum]) -> EventSum:
    return EventSum(
        name=name,
        currency=currency,
        count=sum(one.count for one in days),
        first_at=min(one.first_at for one in days),
        last_at=max(one.last_at for one in days),
        quantity=sum(one.quantity for one in days),
        amount=sum(one.amount for one in days),
    )
