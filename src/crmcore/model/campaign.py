"""Campaigns as values: a trigger and steps. A broadcast is a campaign of one step, said as `channel` and `template`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, Literal

import attrs

from crmcore.errors import InvalidCampaign
from crmcore.model import graph
from crmcore.model.clauses import Clause, condition_of
from crmcore.model.condition import Condition
from crmcore.model.event_clauses import EventClause
from crmcore.model.happens import Happening, Happens, happens
from crmcore.model.names import NAME, checked_name
from crmcore.model.offers import Offers
from crmcore.model.purpose import Purpose
from crmcore.model.reaching import Fallback
from crmcore.model.steps import KIND_OF, Send, Step, condition
from crmcore.model.time import span
from crmcore.model.triggers import TRIGGERS, Policy, Reentry, Trigger
from crmcore.model.verbs import purpose_of

#: The name of a broadcast's only step.
SEND = "send"
#: Priorities go from -HIGHEST to HIGHEST; what must be sent ranks above them all.
HIGHEST = 1000
_MUST_SEND = 1_000_000
#: The one word of conditions that looks like a name.
EVERYONE = "everyone"
#: For so many days outcomes of a message can be asked for.
LONGEST_HORIZON = 365
#: What the names of single messages begin with: no campaign that is launched may have such a name.
_SINGLE = "send:"
#: To which messages a goal is due, where there are several.
Attribution = Literal["first", "last", "linear"]


def is_must_send(rank: int) -> bool:
    """Tell whether a rank is that of a campaign that must be sent."""
    return rank > HIGHEST


@attrs.frozen(kw_only=True)
class Goal:
    """What a campaign is for: an event within a time (such as "14d") of the message.

    `revenue` is the event whose amounts are what a customer spends in that time; `attribution` says to which messages it is
    due, where there are several: the `first`, the `last`, or all in equal parts (`linear`).
    """

    event: str
    within: str = "14d"
    revenue: str = "order_placed"
    attribution: Attribution = "last"

    @property
    def window(self) -> int:
        """The time in microseconds."""
        return span(self.within, "goal.within")


def _purpose(purpose: Purpose | str) -> Purpose:
    return purpose_of(purpose, "campaign.purpose")


def _goals(given: Iterable[Goal]) -> tuple[Goal, ...]:
    return tuple(given)


def _steps(given: Iterable[Step] | Step) -> tuple[Step, ...]:
    return tuple(given) if isinstance(given, Iterable) else (given,)


def _tags(tags: Iterable[str]) -> tuple[str, ...]:
    return tuple(checked_name(tag, "tag", "campaign.tags") for tag in ([tags] if isinstance(tags, str) else tags))


def _condition(audience: Clause | Condition | str) -> Condition | str:
    """A name is that of a segment; whatever else is said in words is a condition."""
    if isinstance(audience, str):
        return (
            audience if NAME.fullmatch(audience) and audience != EVERYONE else condition(audience) if audience else ""
        )
    return condition_of(audience)


def _trigger(given: Trigger | EventClause | str | None) -> Trigger | None:
    return happens(given) if isinstance(given, EventClause | str) else given


def _exits(given: Iterable[Happening]) -> tuple[Happens, ...]:
    return tuple(happens(one) for one in ([given] if isinstance(given, Happens | EventClause | str) else given))


@attrs.frozen(kw_only=True)
class Campaign:
    """Who is told what, why, and by which channel.

    Attributes: `audience` (a condition, or the name of a segment); `template` (its name); `holdout` (the share of the
    audience that is left out, to measure against: 0 to below 1); `goal`, and further `goals`; `offers`; `topic` (sent only
    to those who want it); `fields` (given to the template as `campaign`); `provider` (the carrier; the channel's setting
    where empty).
    Where frequency caps leave no room for all: `priority` (-1000 to 1000, the greater goes first), `must_send` (goes before
    every priority, and has the room that caps reserve), `tags` (caps may be about one). `expires` (a time such as "3d": how
    long a message may wait before it is no longer worth sending).

    With `steps` it is more than one message; `channel` and `template` are left out then. `trigger` says who enters, of
    those whom the audience has at that moment: an event (its name, `event(...).where(...)`, or Happens), OnDate, OnSchedule,
    OnCall; without one the whole audience enters at the launch. `reentry` and `policy` say what happens where a customer
    would enter again. `exits` are events that end a customer's way, whatever it waits for.
    """

    name: str
    purpose: Purpose = attrs.field(converter=_purpose)
    audience: Condition | str = attrs.field(converter=_condition)
    channel: str = ""
    template: str = ""
    holdout: float = 0.0
    goal: Goal | None = None
    goals: tuple[Goal, ...] = attrs.field(default=(), converter=_goals)
    offers: Offers | None = None
    topic: str | None = None
    fields: Mapping[str, Any] = attrs.field(factory=dict)
    provider: str = ""
    priority: int = 0
    must_send: bool = False
    tags: tuple[str, ...] = attrs.field(default=(), converter=_tags)
    expires: str = "3d"
    steps: tuple[Step, ...] = attrs.field(default=(), converter=_steps)
    trigger: Trigger | None = attrs.field(default=None, converter=_trigger)
    reentry: Reentry = attrs.field(factory=Reentry)
    policy: Policy = "ignore"
    exits: tuple[Happens, ...] = attrs.field(default=(), converter=_exits)

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
        return span(self.expires, f"campaign {self.name}, expires")

    @property
    def is_broadcast(self) -> bool:
        """Whether it is one message to all of its audience, planned when it is launched."""
        return not self.steps and not self.takes_in

    @property
    def takes_in(self) -> bool:
        """Whether customers enter after the launch, too: by a trigger, or again and again."""
        return self.trigger is not None or self.reentry.when == "interval"

    @property
    def course(self) -> tuple[Step, ...]:
        """The steps; where none are said, the one that sends its message."""
        return self.steps or (Send(name=SEND, template=self.template, channels=self.channel),)

    @property
    def sends(self) -> tuple[Send, ...]:
        """The steps that send."""
        return tuple(one for one in self.course if isinstance(one, Send))

    @property
    def all_goals(self) -> tuple[Goal, ...]:
        """The goal and the further goals, each once."""
        said = () if self.goal is None else (self.goal,)
        return tuple(dict.fromkeys((*said, *self.goals)))

    @property
    def first_send(self) -> str:
        """The name of the first step that sends; "" where none does."""
        return next((one.name for one in self.sends), "")

    def message(self, step: str, channel: str = "") -> Campaign:
        """Return the campaign of one message: that of a step, on one of its channels (the first where none is named)."""
        sends = {one.name: one for one in self.sends}
        if not self.steps or step not in sends:
            return self
        said = sends[step]
        return attrs.evolve(
            self,
            channel=channel or said.channels[0],
            provider=self.provider if channel in ("", said.channels[0]) else "",
            template=said.template,
            purpose=said.purpose or self.purpose,
            topic=self.topic if said.topic is None else said.topic,
            offers=said.offers or self.offers,
            fields={**self.fields, **said.fields},
        )

    def __attrs_post_init__(self) -> None:
        if not self.is_single:
            checked_name(self.name, "campaign", "campaign")
        for problem in chain(self._strange(), self._problems(), graph.problems(self.steps)):
            raise InvalidCampaign(name=self.name, problem=problem)
        for goal in (self.goal, *self.goals):
            if goal is not None:
                checked_name(goal.event, "event", f"campaign {self.name}")
                checked_name(goal.revenue, "event", f"campaign {self.name}")
                span(goal.within, f"campaign {self.name}, goal.within")

    def _strange(self) -> Iterator[str]:
        """Yield what is no value of the kind it should be: Python says so of nothing by itself."""
        for name, kinds, given in (
            ("goal", Goal, () if self.goal is None else (self.goal,)),
            ("goals", Goal, self.goals),
            ("offers", Offers, () if self.offers is None else (self.offers,)),
            ("reentry", Reentry, (self.reentry,)),
            ("steps", tuple(KIND_OF), self.steps),
            ("trigger", TRIGGERS, () if self.trigger is None else (self.trigger,)),
            ("exits", Happens, self.exits),
            ("fallback", Fallback, [one.fallback for one in self.steps if isinstance(one, Send) and one.fallback]),
        ):
            known = " or ".join(one.__name__ for one in (kinds if isinstance(kinds, tuple) else (kinds,)))
            yield from (f"{name} has {one!r}, which is no {known}" for one in given if not isinstance(one, kinds))
        for step in self.steps:
            for field in attrs.fields(type(step)):
                value = getattr(step, field.name)
                if field.type in ("str", str) and not isinstance(value, str):
                    yield f"step {step.name!r} has {field.name}={value!r}, which is no text; lengths are such as '3d'"

    def _problems(self) -> Iterator[str]:
        if not 0 <= self.holdout < 1:
            yield f"the holdout is {self.holdout}; it goes from 0 to below 1"
        if self.offers is not None and self.offers.k < 1:
            yield f"{self.offers.k} offers are asked for, at least 1 is needed"
        if not -HIGHEST <= self.priority <= HIGHEST:
            yield f"the priority is {self.priority}; it goes from -{HIGHEST} to {HIGHEST}"
        if self.lifetime < 1:
            yield f"messages that expire after {self.expires!r} are never sent"
        missing = [name for name in ("channel", "template") if not getattr(self, name)]
        if missing and not self.steps:
            yield f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing; or say steps"


def single(template: str, channel: str) -> Campaign:
    """Return the campaign that stands for the single messages of a template on a channel."""
    name = f"{_SINGLE}{template}:{channel}"
    return Campaign(name=name, purpose=Purpose.TRANSACTIONAL, audience="", channel=channel, template=template)
