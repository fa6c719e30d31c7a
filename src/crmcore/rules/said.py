"""What a customer has said last: consents to a purpose, wishes about a topic."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Table, exists, func, select

from crmcore.hooks.rule import Touches
from crmcore.model.condition import Consented, Subscribed
from crmcore.model.history import Said
from crmcore.model.statement import ANY_CHANNEL
from crmcore.rules.leaf import LeafRule, Truth, among, never
from crmcore.store import schema
from crmcore.store.scope import Scope


def _consented_sql(scope: Scope, leaf: Consented) -> Truth:
    return _said_yes(scope, schema.consent_state, "granted", "purpose", leaf.purpose.value, leaf.channel)


def _subscribed_sql(scope: Scope, leaf: Subscribed) -> Truth:
    topic = schema.topic.c
    named = select(topic.id).where(topic.workspace_id == scope.workspace_id, topic.name == leaf.topic)
    return _said_yes(scope, schema.subscription, "wanted", "topic_id", named.scalar_subquery(), leaf.channel)


def _said_yes(scope: Scope, table: Table, yes: str, same: str, about: Any, channel: str) -> Truth:
    """The latest statement on the channel or on every one says yes; of two of the same time the no counts."""
    said, other = table.c, table.alias("other").c
    here = said.channel.in_((channel, ANY_CHANNEL))
    outweighed = exists().where(
        other.workspace_id == scope.workspace_id,
        other.customer_id == said.customer_id,
        other[same] == about,
        other.channel.in_((channel, ANY_CHANNEL)),
        ~other[yes],
        other.at >= said.at,
    )
    return among(
        select(said.customer_id).where(
            said.workspace_id == scope.workspace_id, _is_rare(scope, said[same] == about), here, said[yes], ~outweighed
        )
    )


def _is_rare(scope: Scope, term: Truth) -> Truth:
    """Without statistics SQLite takes a workspace for a few rows, and would read all of it rather than use an index."""
    return func.unlikely(term) if scope.connection.dialect.name == "sqlite" else term


def _says_yes(statements: tuple[Said, ...], about: str, channel: str) -> bool:
    found = [said for said in statements if said.about == about and said.channel in (channel, ANY_CHANNEL)]
    return bool(found) and max(found, key=lambda said: (said.at, not said.yes)).yes


CONSENTED = LeafRule[Consented](
    sql=_consented_sql,
    holds=lambda history, leaf, _now: _says_yes(history.consents, leaf.purpose.value, leaf.channel),
    touches=lambda _: Touches(said=True),
    next_change=never,
)
SUBSCRIBED = LeafRule[Subscribed](
    sql=_subscribed_sql,
    holds=lambda history, leaf, _now: _says_yes(history.wishes, leaf.topic, leaf.channel),
    touches=lambda _: Touches(said=True),
    next_change=never,
)
