"""The send policy: when, how often and to whom marketing may go. Transactional messages are exempt from all of it."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum
from typing import Final, Literal

import attrs

from crmcore.model.delivery import Reason
from crmcore.model.purpose import MessageClass, Purpose

#: What becomes of a message that may not go now: it waits, or it ends. (A time rule may name a channel instead.)
HOLD: Final = "hold"
DROP: Final = "drop"
SKIP: Final = "skip"


class Period(StrEnum):
    """A stretch of the calendar, in the customer's time zone; a week begins on Monday."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@attrs.frozen(kw_only=True)
class QuietHours:
    """No message while the customer's clock shows `begin` or later, and not yet `end`.

    Both in microseconds since midnight; where `end` comes before `begin`, midnight lies between. No channels: all.
    """

    begin: int
    end: int
    then: str = HOLD
    channels: frozenset[str] = frozenset()
    reason = Reason.QUIET_HOURS


@attrs.frozen(kw_only=True)
class Weekdays:
    """Messages on these days of the customer's calendar alone; Monday is 0. No channels: all."""

    days: frozenset[int]
    then: str = HOLD
    channels: frozenset[str] = frozenset()
    reason = Reason.WEEKDAY


TimeRule = QuietHours | Weekdays


@attrs.frozen(kw_only=True)
class Cap:
    """At most `count` messages to a customer in a rolling time (microseconds) or a period of the customer's calendar.

    `reserved` of them, but not all, are for campaigns that must be sent. No channels: all of them together. A tag: its
    campaigns alone.
    """

    count: int
    per: int | Period
    channels: frozenset[str] = frozenset()
    tag: str | None = None
    reserved: int = 0
    then: Literal["skip", "hold"] = SKIP


@attrs.frozen(kw_only=True)
class Policy:
    """The rules of a workspace, or those of them that one campaign's messages on one channel have to pass.

    `zone` stands for the time zone of customers who have none that is known, as `unknown_zone` says: "workspace" puts it
    in its place, "skip" ends what a time rule would have to judge, "ignore" passes over time rules. `holdout` is the share
    of customers, from 0 to below 1, who get no marketing at all. A consent to a purpose of `double_opt_in` counts once it
    was confirmed.
    """

    zone: str = "UTC"
    unknown_zone: Literal["workspace", "skip", "ignore"] = "workspace"
    holdout: float = 0.0
    quiet: tuple[QuietHours, ...] = ()
    weekdays: tuple[Weekdays, ...] = ()
    caps: tuple[Cap, ...] = ()
    double_opt_in: frozenset[Purpose] = frozenset()

    @property
    def timed(self) -> tuple[TimeRule, ...]:
        """The rules about the customer's clock and calendar, in the order they are asked."""
        return (*self.quiet, *self.weekdays)

    @property
    def needs_zones(self) -> bool:
        """Whether a rule asks for the time zones of customers."""
        return bool(self.quiet or self.weekdays or any(isinstance(cap.per, Period) for cap in self.caps))


#: Where nothing is set.
NO_POLICY = Policy()


def needs_exclusive(policy: Policy) -> bool:
    """Tell whether customers have to be locked against one another's handing: a cap counts what others hand over."""
    return bool(policy.caps)


def narrowed(policy: Policy, *, channel: str, tags: Collection[str], message_class: MessageClass) -> Policy:
    """Return what of a policy is about the messages of one campaign on one channel: nothing where it is transactional."""
    if message_class is MessageClass.TRANSACTIONAL:
        return Policy(zone=policy.zone)
    return attrs.evolve(
        policy,
        quiet=tuple(rule for rule in policy.quiet if covers(rule.channels, channel)),
        weekdays=tuple(rule for rule in policy.weekdays if covers(rule.channels, channel)),
        caps=tuple(cap for cap in policy.caps if counts(cap, channel, tags)),
    )


def covers(channels: frozenset[str], channel: str) -> bool:
    """Tell whether a rule is about a channel."""
    return not channels or channel in channels


def counts(cap: Cap, channel: str, tags: Collection[str]) -> bool:
    """Tell whether a cap is about the messages of a campaign with these tags on a channel."""
    return covers(cap.channels, channel) and (cap.tag is None or cap.tag in tags)
