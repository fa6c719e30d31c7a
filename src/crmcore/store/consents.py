"""Who may be contacted: consents with proof, topics and wishes. What holds follows from the logs of statements.

Whoever withdraws, unsubscribes or suppresses also writes the customer's contact_state row, which a message that is being
handed over holds locked: after the withdrawal has committed nothing is handed over any more.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import Table, select

from crmcore.model.identity import Identity
from crmcore.model.opting import DOUBLE_OPT_IN
from crmcore.model.permission import Permission, settled
from crmcore.model.statement import Consent, Subscribe
from crmcore.model.values import to_json
from crmcore.store import bulk, flags, links, schema
from crmcore.store.flags import Flag
from crmcore.store.identities import Owner
from crmcore.store.scope import Scope
from crmcore.store.sources import source_ids
from crmcore.store.touched import SAID

#: What was said of each thing; a thing begins with its customer.
Said = dict[tuple[Any, ...], list[Permission]]


def consent(scope: Scope, statements: Sequence[Consent], owners: Sequence[Owner]) -> None:
    """Log consents given and withdrawn, and keep the latest of each purpose and channel."""
    customers = {owner[0] for owner in owners}
    # First: a host's transaction, which may hold that row, then waits for nothing that was written here.
    touch(scope, customers)
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
            scope.import_id,
        )
        for new_id, owner, one in zip(ids, owners, statements, strict=True)
    ]
    bulk.insert(scope, schema.consent, _CONSENT, log)
    settle(scope, customers)


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
    "import_id",
)
_CONSENT_STATE = ("customer_id", "purpose", "channel", "granted", "at", "consent_id")
_SUBSCRIPTION = ("customer_id", "topic_id", "channel", "wanted", "at", "source_id")


def settle(scope: Scope, customers: Collection[int]) -> None:
    """Make the latest consents of customers again from the log; the stricter holds where customers were joined."""
    said = _said(_logged(scope, customers))
    rows = [(*key, one.yes, one.at, one.row) for key, one in held(scope, said).items()]
    _replace(scope, schema.consent_state, _CONSENT_STATE, 3, customers, rows)


def confirmed(scope: Scope, customers: Collection[int]) -> dict[tuple[int, str, str], Permission]:
    """Return what holds by customer, purpose and channel where a consent counts only if it was confirmed."""
    rows = _logged(scope, customers)
    return held(scope, _said([one for one in rows if not one.granted or one.basis == DOUBLE_OPT_IN]))


def _logged(scope: Scope, customers: Collection[int]) -> Sequence[Any]:
    columns = ("id", "customer_id", "origin_id", "purpose", "channel", "granted", "basis", "at")
    return bulk.select_in(scope, schema.consent, columns, {}, "customer_id", sorted(customers))


def _said(rows: Iterable[Any]) -> Said:
    said: Said = {}
    for one in rows:
        permission = Permission(yes=bool(one.granted), at=one.at, origin=one.origin_id, row=one.id)
        said.setdefault((one.customer_id, one.purpose, one.channel), []).append(permission)
    return said


def subscribe(scope: Scope, statements: Sequence[Subscribe], owners: Sequence[Owner]) -> None:
    """Log wishes, and keep the latest of each topic and channel; topics are made when first named."""
    customers = {owner[0] for owner in owners}
    # First, as `consent` does.
    touch(scope, customers)
    sources = source_ids(scope, {one.source for one in statements})
    topic_ids(scope, {one.topic for one in statements})
    logged = [
        Flag(
            customer_id=owner[0],
            origin_id=owner[1],
            name=flags.named(flags.WISH, one.topic, one.channel),
            is_on=one.wanted,
            at=one.at,
            source_id=sources[one.source],
        )
        for owner, one in zip(owners, statements, strict=True)
    ]
    flags.log(scope, logged)
    settle_wishes(scope, customers)


def settle_wishes(scope: Scope, customers: Collection[int]) -> None:
    """Make the latest wishes of customers again from the log; the stricter holds where customers were joined."""
    logged = flags.logged(scope, customers, flags.WISH)
    topics = topic_ids(scope, {one.parts[0] for one in logged})
    sources = {one.row: one.source_id for one in logged}
    said: Said = {}
    for one in logged:
        permission = Permission(yes=one.is_on, at=one.at, origin=one.origin_id, row=one.row)
        said.setdefault((one.customer_id, *one.parts), []).append(permission)
    rows = [
        (customer_id, topics[topic], channel, one.yes, one.at, sources[one.row])
        for (customer_id, topic, channel), one in held(scope, said).items()
    ]
    _replace(scope, schema.subscription, _SUBSCRIPTION, 3, customers, rows)


def held(scope: Scope, said: Said) -> dict[Any, Permission]:
    """Return what holds of the statements about each thing."""
    compound = {one.origin for group in said.values() if len({one.origin for one in group}) > 1 for one in group}
    joins = links.joins(scope, compound) if compound else ()
    return {key: settled(group, joins if len({one.origin for one in group}) > 1 else ()) for key, group in said.items()}


def _replace(
    scope: Scope, table: Table, columns: Sequence[str], width: int, customers: Collection[int], rows: Iterable[Any]
) -> None:
    """Let the rows of customers be these, and write no more than what differs; the first `width` columns are the key."""
    there = set(map(tuple, bulk.select_in(scope, table, columns, {}, "customer_id", sorted(customers))))
    wanted = set(rows)
    scope.touched.note_all({row[0] for row in wanted ^ there}, SAID)
    bulk.delete(scope, table, columns[:width], [row[:width] for row in there - wanted])
    bulk.insert(scope, table, columns, list(wanted - there))


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


def has_topic(scope: Scope, name: str) -> bool:
    """Tell whether somebody has named a topic before."""
    topic = schema.topic.c
    query = select(topic.id).where(topic.workspace_id == scope.workspace_id, topic.name == name)
    return scope.connection.execute(query).first() is not None


def lock(scope: Scope, names: Iterable[Identity]) -> None:
    """Lock the contact_state rows of the customers that identities lead to, before anything of them is read.

    In a host's transaction it has to come first: one that has read cannot always write afterwards on SQLite.
    """
    bulk.run_many(scope, _LOCK, [(one.kind, one.value) for one in sorted(names)])


_LOCK = """UPDATE crm_contact_state SET changed_at = changed_at WHERE workspace_id = @ AND customer_id =
(SELECT customer_id FROM crm_identity WHERE workspace_id = @ AND kind = : AND value = :)"""


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
