"""Who may be contacted: consents with proof, topics and wishes, suppressions.

Whoever withdraws, unsubscribes or suppresses also writes the customer's contact_state row, which a message that is being
handed over holds locked: after the withdrawal has committed nothing is handed over any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import select

from crmcore.model.identity import Identity
from crmcore.model.statement import Consent, Subscribe, Suppress
from crmcore.model.values import to_json
from crmcore.store import bulk, schema
from crmcore.store.identities import Owner
from crmcore.store.scope import Scope
from crmcore.store.sources import source_ids

#: The later statement wins; of two of the same time the withdrawal does.
_LATER_CONSENT = """ON CONFLICT (workspace_id, customer_id, purpose, channel) DO UPDATE SET
granted = excluded.granted, at = excluded.at, consent_id = excluded.consent_id
WHERE excluded.at > crm_consent_state.at OR (excluded.at = crm_consent_state.at AND NOT excluded.granted)"""
_LATER_WISH = """ON CONFLICT (workspace_id, customer_id, topic_id, channel) DO UPDATE SET
wanted = excluded.wanted, at = excluded.at, source_id = excluded.source_id
WHERE excluded.at > crm_subscription.at OR (excluded.at = crm_subscription.at AND NOT excluded.wanted)"""
#: A suppression is never weakened by a later one: the longer one stays, and "for ever" is the longest.
_LONGER = """ON CONFLICT (workspace_id, hash, channel) DO UPDATE SET reason = excluded.reason, until = excluded.until
WHERE crm_suppression.until IS NOT NULL AND (excluded.until IS NULL OR excluded.until > crm_suppression.until)"""


def consent(scope: Scope, statements: Sequence[Consent], owners: Sequence[Owner]) -> None:
    """Log consents given and withdrawn, and keep the latest of each purpose and channel."""
    sources = source_ids(scope, {one.source for one in statements})
    ids = scope.new_ids(len(statements))
    log = [
        (
            new_id,
            *owner,
            one.purpose.value,
            one.channel,
            one.granted,
            one.basis,
            one.text_version,
            to_json(one.proof, "consent.proof"),
            one.at,
            scope.now,
            sources[one.source],
        )
        for new_id, owner, one in zip(ids, owners, statements, strict=True)
    ]
    bulk.insert(scope, schema.consent, _CONSENT, log)
    states = [(row[1], row[3], row[4], row[5], row[9], row[0]) for row in log]
    bulk.insert(scope, schema.consent_state, _CONSENT_STATE, states, _LATER_CONSENT)
    touch(scope, (owner[0] for owner in owners))


_CONSENT = (
    "id",
    "customer_id",
    "origin_id",
    "purpose",
    "channel",
    "granted",
    "basis",
    "text_version",
    "proof",
    "at",
    "received_at",
    "source_id",
)
_CONSENT_STATE = ("customer_id", "purpose", "channel", "granted", "at", "consent_id")
_SUBSCRIPTION = ("customer_id", "topic_id", "channel", "wanted", "at", "source_id")
_SUPPRESSION = ("id", "channel", "hash", "reason", "at", "until", "source_id")


def subscribe(scope: Scope, statements: Sequence[Subscribe], owners: Sequence[Owner]) -> None:
    """Keep the latest wish per topic and channel; topics are made when first named."""
    sources = source_ids(scope, {one.source for one in statements})
    topics = topic_ids(scope, {one.topic for one in statements})
    rows = [
        (owner[0], topics[one.topic], one.channel, one.wanted, one.at, sources[one.source])
        for owner, one in zip(owners, statements, strict=True)
    ]
    bulk.insert(scope, schema.subscription, _SUBSCRIPTION, rows, _LATER_WISH)
    touch(scope, (owner[0] for owner in owners))


def topic_ids(scope: Scope, names: Iterable[str]) -> dict[str, int]:
    """Return the id of each topic, made where it is new."""
    wanted, topic = sorted(names), schema.topic.c
    rows = scope.connection.execute(
        select(topic.name, topic.id).where(topic.workspace_id == scope.workspace_id, topic.name.in_(wanted))
    )
    ids = {name: one for name, one in rows}
    missing = [name for name in wanted if name not in ids]
    made = dict(zip(missing, scope.new_ids(len(missing)), strict=True))
    columns = ("id", "name", "title", "created_at")
    bulk.insert(scope, schema.topic, columns, [(one, name, name, scope.now) for name, one in made.items()])
    return ids | made


def suppress(scope: Scope, statements: Sequence[Suppress], owners: Sequence[Owner]) -> None:
    """Never contact these customers, or these addresses of theirs."""
    sources = source_ids(scope, {one.source for one in statements})
    ids = scope.new_ids(len(statements))
    rows = [
        (
            new_id,
            one.channel,
            scope.hash(one.address or whole_customer(owner[0])),
            one.reason,
            one.at,
            one.until,
            sources[one.source],
        )
        for new_id, owner, one in zip(ids, owners, statements, strict=True)
    ]
    bulk.insert(scope, schema.suppression, _SUPPRESSION, rows, _LONGER)
    touch(scope, (owner[0] for owner in owners))


def whole_customer(customer_id: int) -> Identity:
    """Return what stands for all of a customer in a suppression."""
    return Identity("customer", str(customer_id))


def touch(scope: Scope, customers: Iterable[int]) -> None:
    """Write the contact_state rows of customers, in the order of their ids, so that no two writers deadlock."""
    rows = [(scope.now, one) for one in sorted(set(customers))]
    bulk.update(scope, schema.contact_state, ("changed_at",), ("customer_id",), rows)


def states_of(scope: Scope, customer_id: int) -> list[tuple[str, str, bool, int]]:
    """Return a customer's latest consents: purpose, channel, granted, at."""
    state = schema.consent_state.c
    rows = scope.connection.execute(
        select(state.purpose, state.channel, state.granted, state.at)
        .where(state.workspace_id == scope.workspace_id, state.customer_id == customer_id)
        .order_by(state.purpose, state.channel)
    )
    return [(purpose, channel, granted, at) for purpose, channel, granted, at in rows]


def wishes_of(scope: Scope, customer_id: int) -> list[tuple[str, str, bool, int]]:
    """Return a customer's latest wishes: topic, channel, wanted, at."""
    wish, topic = schema.subscription.c, schema.topic.c
    rows = scope.connection.execute(
        select(topic.name, wish.channel, wish.wanted, wish.at)
        .join_from(schema.subscription, schema.topic, topic.id == wish.topic_id)
        .where(
            wish.workspace_id == scope.workspace_id,
            topic.workspace_id == scope.workspace_id,
            wish.customer_id == customer_id,
        )
        .order_by(topic.name, wish.channel)
    )
    return [(name, channel, wanted, at) for name, channel, wanted, at in rows]


def suppressed(scope: Scope, hashes: Sequence[bytes]) -> list[tuple[bytes, str, str, int | None]]:
    """Return the suppressions in force of these hashes: hash, channel, reason, until."""
    row = schema.suppression.c
    rows = scope.connection.execute(
        select(row.hash, row.channel, row.reason, row.until).where(
            row.workspace_id == scope.workspace_id,
            row.hash.in_(hashes),
            (row.until.is_(None)) | (row.until > scope.now),
        )
    )
    return [(digest, channel, reason, until) for digest, channel, reason, until in rows]
