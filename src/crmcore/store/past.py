"""One customer as it was at a time: the logs played up to then, and nothing later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
from sqlalchemy import func, select

from crmcore.model.identity import Identity
from crmcore.model.linking import grouped
from crmcore.model.permission import Permission, settled
from crmcore.model.values import Value, from_json
from crmcore.store import bulk, flags, links, schema, suppressions
from crmcore.store.customers import ConsentView, CustomerView, EventSum, WishView
from crmcore.store.scope import Scope

Joins = Sequence[tuple[int, int, int]]


@attrs.frozen(kw_only=True)
class _Then:
    """Which origins were one customer at a time, where their rows are now, and what had joined them."""

    at: int
    names: Mapping[int, Identity]
    key: str | None
    customers: tuple[int, ...]
    joins: Joins


def view(scope: Scope, origin: int, at: int) -> CustomerView:
    """Return the customer an origin led to at a time, with all that had been said by then (by the statements' times)."""
    then = _then(scope, origin, at)
    logged = _logged(scope, then)
    said = [flags.read(one) for one in logged if ":" in one.name]
    return CustomerView(
        id=origin,
        key=then.key,
        created_at=_created_at(scope, then),
        identities=tuple(sorted(then.names.values())),
        attributes=_attributes(logged),
        tags=tuple(sorted(name for (name,), is_on in _latest(said, flags.TAG).items() if is_on)),
        consents=_consents(scope, then),
        subscriptions=_wishes(then, said),
        suppressed=tuple(sorted(suppressions.of_origins(scope, then.names, then.names.values(), at))),
        accounts=_accounts(said),
        sums=_sums(scope, then),
    )


def _then(scope: Scope, origin: int, at: int) -> _Then:
    near = links.around(scope, [origin])
    grouping = grouped(near.names, [link for link in near.links if link.at <= at])
    names = {one: name for one, name in near.names.items() if grouping.lead[one] == grouping.lead[origin]}
    return _Then(
        at=at,
        names=names,
        key=grouping.key[grouping.lead[origin]],
        customers=tuple(sorted({near.owners[one] for one in names})),
        joins=grouping.joins,
    )


def _created_at(scope: Scope, then: _Then) -> int:
    row = schema.identity.c
    query = select(func.min(row.created_at)).where(
        row.workspace_id == scope.workspace_id, row.origin_id.in_(sorted(then.names))
    )
    return int(scope.connection.execute(query).scalar_one())


def _logged(scope: Scope, then: _Then) -> list[Any]:
    """Return the writes that had been made by then, in the order in which they win."""
    rows = bulk.select_in(scope, schema.attribute_log, flags.COLUMNS, {}, "customer_id", then.customers)
    mine = [one for one in rows if one.origin_id in then.names and one.at <= then.at]
    return sorted(mine, key=lambda one: (one.at, one.new, one.id))


def _attributes(logged: Sequence[Any]) -> dict[str, Value]:
    values = {one.name: from_json(one.new) for one in logged if ":" not in one.name}
    return dict(sorted(values.items()))


def _latest(said: Sequence[flags.Logged], kind: str) -> dict[tuple[str, ...], bool]:
    return {one.parts: one.is_on for one in said if one.kind == kind}


def _wishes(then: _Then, said: Sequence[flags.Logged]) -> tuple[WishView, ...]:
    by_topic: dict[tuple[str, ...], list[Permission]] = {}
    for one in said:
        if one.kind == flags.WISH:
            permission = Permission(yes=one.is_on, at=one.at, origin=one.origin_id, row=one.row)
            by_topic.setdefault(one.parts, []).append(permission)
    held = {parts: settled(group, then.joins) for parts, group in sorted(by_topic.items())}
    return tuple(
        WishView(topic=topic, channel=channel, wanted=one.yes, at=one.at) for (topic, channel), one in held.items()
    )


def _consents(scope: Scope, then: _Then) -> tuple[ConsentView, ...]:
    columns = ("id", "origin_id", "purpose", "channel", "granted", "at")
    by_purpose: dict[tuple[str, str], list[Permission]] = {}
    for one in bulk.select_in(scope, schema.consent, columns, {}, "customer_id", then.customers):
        if one.origin_id in then.names and one.at <= then.at:
            permission = Permission(yes=bool(one.granted), at=one.at, origin=one.origin_id, row=one.id)
            by_purpose.setdefault((one.purpose, one.channel), []).append(permission)
    held = {key: settled(group, then.joins) for key, group in sorted(by_purpose.items())}
    return tuple(
        ConsentView(purpose=purpose, channel=channel, granted=one.yes, at=one.at)
        for (purpose, channel), one in held.items()
    )


def _accounts(said: Sequence[flags.Logged]) -> tuple[tuple[str, str], ...]:
    """Of a joining and a leaving at the same time the leaving counts."""
    in_order = sorted(said, key=lambda one: (one.at, not one.is_on))
    belongs = _latest(in_order, flags.MEMBER)
    return tuple(sorted((account, role) for (account, role), is_on in belongs.items() if is_on))


def _sums(scope: Scope, then: _Then) -> tuple[EventSum, ...]:
    event = schema.event.c
    currency = func.coalesce(event.currency, "")
    query = (
        select(
            event.name,
            currency,
            func.count(),
            func.min(event.occurred_at),
            func.max(event.occurred_at),
            func.sum(func.coalesce(event.quantity, 0)),
            func.sum(func.coalesce(event.amount, 0)),
        )
        .where(
            event.workspace_id == scope.workspace_id,
            event.customer_id.in_(then.customers),
            event.origin_id.in_(sorted(then.names)),
            event.occurred_at <= then.at,
        )
        .group_by(event.name, currency)
        .order_by(event.name, currency)
    )
    return tuple(
        EventSum(
            name=name,
            currency=code,
            count=count,
            first_at=first_at,
            last_at=last_at,
            quantity=int(quantity),
            amount=int(amount),
        )
        for name, code, count, first_at, last_at, quantity, amount in scope.connection.execute(query)
    )
