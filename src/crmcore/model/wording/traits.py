"""Conditions on the customer: attributes, tags, accounts, shares, segments, consents, wishes, plugins' rules."""

from __future__ import annotations

from crmcore.errors import InvalidName
from crmcore.model.condition import (
    Anniversary,
    Attribute,
    Bucket,
    Condition,
    Consented,
    Everyone,
    InSegment,
    OfAccount,
    PluginRule,
    Subscribed,
    Tag,
)
from crmcore.model.purpose import Purpose
from crmcore.model.statement import ANY_CHANNEL
from crmcore.model.values import to_plain
from crmcore.model.verbs import purpose_of
from crmcore.model.wording import literals, naming, timing
from crmcore.model.wording.comparing import EXPECTED, comparison
from crmcore.model.wording.cursor import Cursor
from crmcore.model.wording.refusing import meant
from crmcore.model.wording.words import COMPARING, SIGNS, STARTS


def attribute(cursor: Cursor) -> Condition:
    """`city = "Bandung"`, `birthday comes round within 7d`."""
    token = cursor.peek()
    name = naming.name(cursor, "attribute")
    if cursor.take("comes"):
        cursor.need("round", "within")
        return Anniversary(name=name, days=timing.days(cursor))
    if not cursor.at(*SIGNS, *COMPARING):
        near = meant(name, STARTS) if token.kind == "word" else ""
        raise cursor.unexpected(f"{EXPECTED}, after {token}{near}")
    op, value = comparison(cursor)
    return Attribute(name=name, op=op, value=value)


def everyone(_cursor: Cursor) -> Condition:
    """`everyone`."""
    return Everyone()


def tag(cursor: Cursor) -> Condition:
    """`tag "vip"`."""
    return Tag(name=naming.name(cursor, "tag"))


def account(cursor: Cursor) -> Condition:
    """`account tier = "gold"`."""
    name = naming.name(cursor, "attribute")
    op, value = comparison(cursor)
    return OfAccount(name=name, op=op, value=value)


def bucket(cursor: Cursor) -> Condition:
    """`bucket "salt" 0% to 10%`."""
    salt = naming.name(cursor, "bucket")
    since = literals.percent(cursor)
    cursor.need("to")
    token = cursor.peek()
    until = literals.percent(cursor)
    if until <= since:
        raise cursor.refused(token, "a share ends after it begins")
    return Bucket(salt=salt, since=since, until=until)


def in_segment(cursor: Cursor) -> Condition:
    """`in segment "loyal"`."""
    cursor.need("segment")
    return InSegment(segment=naming.name(cursor, "segment"))


def consented(cursor: Cursor) -> Condition:
    """`consents to retention on email`."""
    cursor.need("to")
    token = cursor.peek()
    said = naming.word(cursor, "a purpose")
    try:
        purpose = purpose_of(said, "the text")
    except InvalidName as error:
        known = [one.value for one in Purpose]
        problem = f"{token} is no purpose{meant(said, known)}; there are {', '.join(known)}"
        raise cursor.refused(token, problem) from error
    return Consented(purpose=purpose, channel=_channel(cursor))


def subscribed(cursor: Cursor) -> Condition:
    """`subscribed to "news" on email`."""
    cursor.need("to")
    topic = naming.name(cursor, "topic")
    return Subscribed(topic=topic, channel=_channel(cursor))


def _channel(cursor: Cursor) -> str:
    return naming.word(cursor, "a channel") if cursor.take("on") else ANY_CHANNEL


def plugin_rule(cursor: Cursor) -> Condition:
    """`rule churning(days = 30)`."""
    name, token = naming.name(cursor, "rule"), cursor.peek()
    params = literals.pairs(cursor, ")") if cursor.take("(") else {}
    with cursor.placed(token):
        to_plain(params, "the parameters")
    return PluginRule(rule=name, params=params)
