"""Customers whole: all that holds of them with the times it was said at, read in sets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs
from sqlalchemy import select

from crmcore.model.identity import Identity
from crmcore.model.values import Value
from crmcore.store import attributes, bulk, leads, paging, schema, suppressions
from crmcore.store.customers import WishView
from crmcore.store.leads import Leads
from crmcore.store.scope import Scope


@attrs.frozen(kw_only=True)
class HeldConsent:
    """What holds about one purpose on one channel, with the proof of the statement it rests on (as JSON)."""

    purpose: str
    channel: str
    granted: bool
    at: int
    basis: str
    text_version: str
    proof: str


@attrs.frozen(kw_only=True)
class HeldSuppression:
    """Never contact this address (None: the customer, wherever) on a channel, until a time or ever."""

    address: Identity | None
    channel: str
    reason: str
    at: int
    until: int | None


@attrs.frozen(kw_only=True)
class Span:
    """A membership in an account, from when until when (None while it lasts)."""

    account: str
    role: str
    since: int
    until: int | None


@attrs.frozen(kw_only=True)
class Whole:
    """A customer; `lead` is what it is called, attributes and tags have the time of the statement they come from."""

    lead: Identity
    identities: Sequence[Identity]
    attributes: Mapping[str, tuple[Value, int]]
    tags: Mapping[str, int]
    consents: Sequence[HeldConsent]
    wishes: Sequence[WishView]
    suppressions: Sequence[HeldSuppression]
    memberships: Sequence[Span]


def pages(scope: Scope) -> Iterator[list[Whole]]:
    """Yield all customers, in the order of what they are called."""
    for named in leads.pages(scope):
        yield of(scope, named)


def of(scope: Scope, named: Leads) -> list[Whole]:
    """Return customers, given what they are called, in the order given."""
    customers = sorted(named)
    identities = _identities(scope, customers)
    values: dict[int, dict[str, tuple[Value, int]]] = {}
    for (one, name), standing in attributes.values_at(scope, customers).items():
        values.setdefault(one, {})[name] = standing
    tags, consents, wishes = _tags(scope, customers), _consents(scope, customers), _wishes(scope, customers)
    spans, suppressed = _spans(scope, customers), _suppressions(scope, identities)
    return [
        Whole(
            lead=lead,
            identities=identities[one],
            attributes=values.get(one, {}),
            tags=tags.get(one, {}),
            consents=consents.get(one, ()),
            wishes=wishes.get(one, ()),
            suppressions=suppressed.get(one, ()),
            memberships=spans.get(one, ()),
        )
        for one, lead in named.items()
    ]


def identity_kinds(scope: Scope) -> list[str]:
    """Return the kinds of identities there are, sorted."""
    row = schema.identity.c
    query = select(row.kind).distinct().where(row.workspace_id == scope.workspace_id)
    return sorted(scope.connection.execute(query).scalars())


def attribute_kinds(scope: Scope) -> list[tuple[str, str]]:
    """Return the names of attributes with the kinds of values they have, sorted."""
    row = schema.attribute.c
    query = select(row.name, row.kind).distinct().where(row.workspace_id == scope.workspace_id)
    return sorted((name, kind) for name, kind in scope.connection.execute(query))


def _identities(scope: Scope, customers: Sequence[int]) -> dict[int, list[Identity]]:
    columns = ("customer_id", "kind", "value")
    found: dict[int, list[Identity]] = {one: [] for one in customers}
    for one, kind, value in bulk.select_in(scope, schema.identity, columns, {}, "customer_id", customers):
        found[one].append(Identity(kind, value))
    return {one: sorted(names) for one, names in found.items()}


def _tags(scope: Scope, customers: Sequence[int]) -> dict[int, dict[str, int]]:
    columns = ("customer_id", "name", "at")
    found: dict[int, dict[str, int]] = {}
    for one, name, at in sorted(map(tuple, bulk.select_in(scope, schema.tag, columns, {}, "customer_id", customers))):
        found.setdefault(one, {})[name] = at
    return found


def _consents(scope: Scope, customers: Sequence[int]) -> dict[int, list[HeldConsent]]:
    columns = ("customer_id", "purpose", "channel", "granted", "at", "consent_id")
    states = bulk.select_in(scope, schema.consent_state, columns, {}, "customer_id", customers)
    proofs = paging.by_id(scope, schema.consent, ("basis", "text_version", "proof"), {one.consent_id for one in states})
    found: dict[int, list[HeldConsent]] = {}
    for one in sorted(states, key=lambda state: (state.purpose, state.channel)):
        basis, text_version, proof = proofs[one.consent_id]
        held = HeldConsent(
            purpose=one.purpose,
            channel=one.channel,
            granted=bool(one.granted),
            at=one.at,
            basis=basis,
            text_version=text_version,
            proof=proof,
        )
        found.setdefault(one.customer_id, []).append(held)
    return found


def _wishes(scope: Scope, customers: Sequence[int]) -> dict[int, list[WishView]]:
    columns = ("customer_id", "topic_id", "channel", "wanted", "at")
    rows = bulk.select_in(scope, schema.subscription, columns, {}, "customer_id", customers)
    topics = paging.by_id(scope, schema.topic, ("name",), {one.topic_id for one in rows})
    found: dict[int, list[WishView]] = {}
    for one in rows:
        [topic] = topics[one.topic_id]
        wish = WishView(topic=topic, channel=one.channel, wanted=bool(one.wanted), at=one.at)
        found.setdefault(one.customer_id, []).append(wish)
    return {one: sorted(wishes, key=lambda wish: (wish.topic, wish.channel)) for one, wishes in found.items()}


def _spans(scope: Scope, customers: Sequence[int]) -> dict[int, list[Span]]:
    columns = ("customer_id", "account_id", "role", "since", "until")
    rows = bulk.select_in(scope, schema.member, columns, {}, "customer_id", customers)
    accounts = paging.by_id(scope, schema.account, ("key",), {one.account_id for one in rows})
    found: dict[int, list[Span]] = {}
    for one in rows:
        [key] = accounts[one.account_id]
        span = Span(account=key, role=one.role, since=one.since, until=one.until)
        found.setdefault(one.customer_id, []).append(span)
    return {one: sorted(spans, key=lambda span: (span.account, span.role, span.since)) for one, spans in found.items()}


def _suppressions(scope: Scope, identities: Mapping[int, Sequence[Identity]]) -> dict[int, list[HeldSuppression]]:
    """Of addresses only those a customer is known by; of others the store has no more than a hash."""
    meant: dict[bytes, tuple[int, Identity | None]] = {}
    for customer_id, names in identities.items():
        meant[scope.hash(suppressions.whole_customer(customer_id))] = (customer_id, None)
        meant |= {scope.hash(name): (customer_id, name) for name in names}
    found: dict[int, list[HeldSuppression]] = {}
    for one in suppressions.standing(scope, meant):
        customer_id, address = meant[one.hash]
        held = HeldSuppression(address=address, channel=one.channel, reason=one.reason, at=one.at, until=one.until)
        found.setdefault(customer_id, []).append(held)
    return {one: sorted(held, key=_place) for one, held in found.items()}


def _place(one: HeldSuppression) -> tuple[Any, ...]:
    return one.address is not None, one.address or Identity("", ""), one.channel
