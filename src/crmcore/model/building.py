"""How Python writes conditions: `attribute("city") == "Bandung"`, `event("order_placed").count(within="365d") >= 3`."""

from __future__ import annotations

from typing import Any

from crmcore.errors import InvalidCondition
from crmcore.model.clauses import Clause, Valued, condition_of
from crmcore.model.condition import (
    BUCKETS,
    CONTACTS,
    All,
    Anniversary,
    AnyOf,
    Attribute,
    Bucket,
    Consented,
    Everyone,
    Field,
    InSegment,
    Not,
    Occurrences,
    OfAccount,
    Op,
    PluginRule,
    Subscribed,
    Tag,
)
from crmcore.model.event_clauses import EventClause, Span, span_of
from crmcore.model.fields import checked_field
from crmcore.model.names import checked_name
from crmcore.model.purpose import Purpose
from crmcore.model.statement import ANY_CHANNEL
from crmcore.model.time import DAY
from crmcore.model.verbs import purpose_of

__all__ = [
    "account",
    "all_of",
    "any_of",
    "attribute",
    "bucket",
    "consent",
    "contacted",
    "event",
    "everyone",
    "field",
    "in_segment",
    "message",
    "not_",
    "rule",
    "subscribed",
    "tag",
]


class _Attribute(Valued):
    def _say(self, op: Op, value: Any) -> Clause:
        return Clause(Attribute(name=self._name, op=op, value=value))

    def in_next(self, days: Span) -> Clause:
        """Its date comes round today (UTC) or in one of the next whole days: "7d"."""
        span = span_of(days, self._name)
        if span % DAY:
            raise InvalidCondition(place=self._name, problem=f"{days!r} is no number of whole days, as '7d' is")
        return Clause(Anniversary(name=self._name, days=span // DAY))


class _OfAccount(Valued):
    _word = "account"

    def _say(self, op: Op, value: Any) -> Clause:
        return Clause(OfAccount(name=self._name, op=op, value=value))


class _Field(Valued):
    _word = "field"

    def _say(self, op: Op, value: Any) -> Field:
        return Field(name=self._name, op=op, value=value)


def attribute(name: str) -> _Attribute:
    """Begin a condition on a customer's attribute."""
    return _Attribute(checked_name(name, "attribute", "condition"))


def event(name: str) -> EventClause:
    """Begin a condition on events of one name."""
    return EventClause(Occurrences(name=checked_name(name, "event", "condition")))


def field(name: str) -> _Field:
    """Begin a condition on a field of an event, for `where`."""
    return _Field(checked_field(name))


def message(what: str, *, campaign: str | None = None) -> EventClause:
    """Begin a condition on messages: sent, opened, clicked and so on, of one campaign where it is named."""
    events = event(f"message_{what}")
    return events if campaign is None else events.where(campaign=campaign)


def contacted(within: Span | None = None) -> Clause:
    """There was a contact, by any channel or person: one of the events CONTACTS."""
    return any_of(*(event(name).did(within=within) for name in CONTACTS))


def account(name: str) -> Valued:
    """Begin a condition on an attribute of an account the customer belongs to."""
    return _OfAccount(checked_name(name, "attribute", "condition"))


def in_segment(name: str) -> Clause:
    """The customer is in another segment."""
    return Clause(InSegment(segment=checked_name(name, "segment", "condition")))


def bucket(salt: str, share: float | tuple[float, float]) -> Clause:
    """The customer falls into a share of all, the same one for the same salt: 0.1, or (0.1, 0.3) for the next two tenths.

    Shares are told in hundredths of a percent.
    """
    since, until = share if isinstance(share, tuple) else (0.0, share)
    name = checked_name(salt, "bucket", "condition")
    return Clause(Bucket(salt=name, since=_buckets(since, name), until=_buckets(until, name)))


def _buckets(share: float, salt: str) -> int:
    count = round(share * BUCKETS)
    if abs(count - share * BUCKETS) > 1e-6:  # noqa: PLR2004 - what is lost in binary fractions
        raise InvalidCondition(place=f"bucket {salt}", problem=f"{share} is no multiple of {1 / BUCKETS}")
    return count


def tag(name: str) -> Clause:
    """The customer has the tag."""
    return Clause(Tag(name=checked_name(name, "tag", "condition")))


def consent(purpose: Purpose | str, channel: str = ANY_CHANNEL) -> Clause:
    """The customer consents to the purpose on the channel."""
    return Clause(Consented(purpose=purpose_of(purpose, "condition"), channel=channel))


def subscribed(topic: str, channel: str = ANY_CHANNEL) -> Clause:
    """The customer wants the topic on the channel."""
    return Clause(Subscribed(topic=checked_name(topic, "topic", "condition"), channel=channel))


def everyone() -> Clause:
    """Every customer."""
    return Clause(Everyone())


def rule(name: str, **params: Any) -> Clause:
    """A condition that a plugin brings."""
    return Clause(PluginRule(rule=checked_name(name, "rule", "condition"), params=params))


def all_of(*clauses: Clause) -> Clause:
    """All of these hold."""
    return Clause(All(of=tuple(map(condition_of, clauses))))


def any_of(*clauses: Clause) -> Clause:
    """One of these holds."""
    return Clause(AnyOf(of=tuple(map(condition_of, clauses))))


def not_(clause: Clause) -> Clause:
    """This does not hold."""
    return Clause(Not(of=condition_of(clause)))
