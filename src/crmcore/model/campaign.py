"""Campaigns as values. A broadcast is a campaign of one step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

import attrs

from crmcore.errors import InvalidCampaign
from crmcore.model.clauses import Clause, condition_of
from crmcore.model.condition import Condition
from crmcore.model.names import checked_name
from crmcore.model.purpose import Purpose
from crmcore.model.time import duration
from crmcore.model.verbs import purpose_of

#: The name of a broadcast's only step.
SEND = "send"
#: Priorities go from -HIGHEST to HIGHEST; what must be sent ranks above them all.
HIGHEST = 1000
_MUST_SEND = 1_000_000
#: For so many days outcomes of a message can be asked for.
LONGEST_HORIZON = 365
#: What the names of single messages begin with: no campaign that is launched may have such a name.
_SINGLE = "send:"


def is_must_send(rank: int) -> bool:
    """Tell whether a rank is that of a campaign that must be sent."""
    return rank > HIGHEST


@attrs.frozen(kw_only=True)
class Offers:
    """Recommendations for a message: `k` items of an engine for a slot; `repeat` as in hooks.recommender.Request."""

    engine: str
    k: int
    repeat: Literal["allow", "exclude", "only"]
    slot: str = "message"


@attrs.frozen(kw_only=True)
class Goal:
    """What a campaign is for: an event within a time (such as "14d") of the message.

    `revenue` is the event whose amounts are what a customer spends in that time.
    """

    event: str
    within: str = "14d"
    revenue: str = "order_placed"

    @property
    def window(self) -> int:
        """The time in microseconds."""
        return duration(self.within, "goal.within")


def _purpose(purpose: Purpose | str) -> Purpose:
    return purpose_of(purpose, "campaign.purpose")


def _tags(tags: Iterable[str]) -> tuple[str, ...]:
    return tuple(checked_name(tag, "tag", "campaign.tags") for tag in ([tags] if isinstance(tags, str) else tags))


def _condition(audience: Clause | Condition | str) -> Condition | str:
    return audience if isinstance(audience, str) else condition_of(audience)


@attrs.frozen(kw_only=True)
class Campaign:
    """Who is told what, why, and by which channel.

    Attributes: `audience` (a condition, or the name of a segment); `template` (its name); `holdout` (the share of the
    audience that is left out, to measure against: 0 to below 1); `goal`; `offers`; `topic` (sent only to those who want
    it); `fields` (given to the template as `campaign`); `provider` (the carrier; the channel's setting where empty).
    Where frequency caps leave no room for all: `priority` (-1000 to 1000, the greater goes first), `must_send` (goes before
    every priority, and has the room that caps reserve), `tags` (caps may be about one). `expires` (a time such as "3d": how
    long a message may wait before it is no longer worth sending).
    """

    name: str
    purpose: Purpose = attrs.field(converter=_purpose)
    audience: Condition | str = attrs.field(converter=_condition)
    channel: str
    template: str
    holdout: float = 0.0
    goal: Goal | None = None
    offers: Offers | None = None
    topic: str | None = None
    fields: Mapping[str, Any] = attrs.field(factory=dict)
    provider: str = ""
    priority: int = 0
    must_send: bool = False
    tags: tuple[str, ...] = attrs.field(default=(), converter=_tags)
    expires: str = "3d"

    @property
    def rank(self) -> int:
        """What decides between messages of one customer: the priority, and whether it must be sent."""
        return self.priority + (_MUST_SEND if self.must_send else 0)

    @property
    def is_single(self) -> bool:
        """Whether it stands for single messages, each said by `send`: those of one template on one channel."""
        return self.name == f"{_SINGLE}{self.template}:{self.channel}"

    @property
    def lifetime(self) -> int:
        """The time a message may wait, in microseconds."""
        return duration(self.expires, f"campaign {self.name}, expires")

    def __attrs_post_init__(self) -> None:
        if not self.is_single:
            checked_name(self.name, "campaign", "campaign")
        if not 0 <= self.holdout < 1:
            raise InvalidCampaign(name=self.name, problem=f"the holdout is {self.holdout}; it goes from 0 to below 1")
        if self.offers is not None and self.offers.k < 1:
            raise InvalidCampaign(name=self.name, problem=f"{self.offers.k} offers are asked for, at least 1 is needed")
        if not -HIGHEST <= self.priority <= HIGHEST:
            problem = f"the priority is {self.priority}; it goes from -{HIGHEST} to {HIGHEST}"
            raise InvalidCampaign(name=self.name, problem=problem)
        if self.lifetime < 1:
            raise InvalidCampaign(name=self.name, problem=f"messages that expire after {self.expires!r} are never sent")
        if self.goal is not None:
            checked_name(self.goal.event, "event", f"campaign {self.name}")
            checked_name(self.goal.revenue, "event", f"campaign {self.name}")
            duration(self.goal.within, f"campaign {self.name}, goal.within")


def single(template: str, channel: str) -> Campaign:
    """Return the campaign that stands for the single messages of a template on a channel."""
    name = f"{_SINGLE}{template}:{channel}"
    return Campaign(name=name, purpose=Purpose.TRANSACTIONAL, audience="", channel=channel, template=template)
