"""What a campaign does with a customer, step by step.

Steps are told one after another; each goes on to the following one unless `then` names another. END ends the way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from crmcore.model.clauses import Clause, condition_of
from crmcore.model.condition import Condition
from crmcore.model.happens import Happens, happens
from crmcore.model.offers import Offers
from crmcore.model.purpose import Purpose
from crmcore.model.reaching import Fallback, Order
from crmcore.model.time import MINUTE
from crmcore.model.verbs import purpose_of
from crmcore.model.wording import to_condition

#: Where a way ends.
END = "end"
#: Times that are waited for are rounded up to a whole minute.
TICK = MINUTE


def on_tick(at: int) -> int:
    """Return the first whole minute at or after a time (microseconds UTC)."""
    return -(-at // TICK) * TICK


def condition(given: Clause | Condition | str) -> Condition:
    """Return the condition of a clause or of words."""
    return to_condition(given) if isinstance(given, str) else condition_of(given)


def _channels(given: str | Iterable[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


def _purpose(given: Purpose | str | None) -> Purpose | None:
    return None if given is None else purpose_of(given, "step.purpose")


@attrs.frozen(kw_only=True)
class Send:
    """Send a message by the first of `channels` that the customer can be reached by.

    `order` says which is the first: as they are `given`, the cheapest by `price`, or the one of the customer's `preference`
    (the attribute `preferred_channel`); `fallback` says when the next one is used as well, by default never.
    `purpose`, `offers`, `topic` and `fields` are the campaign's unless said otherwise; `holdout` is the share of those who
    come here that gets nothing of this step; `coupon` names a source of codes, given to the template as `message.coupon`.
    """

    name: str
    template: str
    channels: tuple[str, ...] = attrs.field(converter=_channels)
    purpose: Purpose | None = attrs.field(default=None, converter=_purpose)
    topic: str | None = None
    offers: Offers | None = None
    fields: Mapping[str, Any] = attrs.field(factory=dict)
    holdout: float = 0.0
    coupon: str = ""
    order: Order = "given"
    fallback: Fallback | None = None
    then: str = ""


@attrs.frozen(kw_only=True)
class Wait:
    """Wait for a time such as "3d"."""

    name: str
    lasting: str
    then: str = ""


@attrs.frozen(kw_only=True)
class WaitUntil:
    """Wait until the customer's clock shows a time ("09:00"), on one of the weekdays ("mon") if any are named."""

    name: str
    at: str
    weekdays: tuple[str, ...] = attrs.field(default=(), converter=_channels)
    then: str = ""


@attrs.frozen(kw_only=True)
class WaitDate:
    """Wait until the date of an attribute and `offset` ("-3d") shows on the customer's calendar, `at` a time of day.

    A date that is over, or that the customer has not, is not waited for.
    """

    name: str
    attribute: str
    offset: str = "0d"
    at: str = "09:00"
    then: str = ""


@attrs.frozen(kw_only=True)
class WaitFor:
    """Wait for an event (`entered` or `left` for a segment) that comes from now on, but no longer than `timeout`.

    After the event it goes on to `then`; after the time, to `otherwise` (the following step where left empty).
    """

    name: str
    event: Happens = attrs.field(converter=happens)
    timeout: str
    then: str = ""
    otherwise: str = ""


@attrs.frozen(kw_only=True)
class Branch:
    """Go on to `then` where a condition holds, else to `otherwise`; the following step where left empty."""

    name: str
    condition: Condition = attrs.field(converter=condition)
    then: str = ""
    otherwise: str = ""


@attrs.frozen(kw_only=True)
class Arm:
    """A variant of a split: its share is `weight` over the sum of weights; `lever` names what it changes ("subject")."""

    name: str
    weight: int = 1
    then: str = ""
    lever: str = ""


def _arms(given: Iterable[Arm]) -> tuple[Arm, ...]:
    return tuple(given)


@attrs.frozen(kw_only=True)
class Split:
    """Part customers by chance; a customer keeps its arm, whenever it comes here again in this run."""

    name: str
    arms: tuple[Arm, ...] = attrs.field(converter=_arms)

    @property
    def then(self) -> str:
        """A split goes on only by its arms."""
        return ""


@attrs.frozen(kw_only=True)
class Update:
    """Set attributes of the customer (None takes a value away), tag it, untag it."""

    name: str
    attributes: Mapping[str, Any] = attrs.field(factory=dict)
    tags: tuple[str, ...] = attrs.field(default=(), converter=_channels)
    untags: tuple[str, ...] = attrs.field(default=(), converter=_channels)
    then: str = ""


@attrs.frozen(kw_only=True)
class AddToSegment:
    """Put the customer on the list of an uploaded segment."""

    name: str
    segment: str
    then: str = ""


@attrs.frozen(kw_only=True)
class Emit:
    """Track an event of the customer, or of the one whose key stands in the attribute `person`."""

    name: str
    event: str
    properties: Mapping[str, Any] = attrs.field(factory=dict)
    person: str = ""
    then: str = ""


@attrs.frozen(kw_only=True)
class Webhook:
    """Post JSON to an address: `url` as it is, or the name of a setting under [webhooks]."""

    name: str
    url: str
    fields: Mapping[str, Any] = attrs.field(factory=dict)
    then: str = ""


@attrs.frozen(kw_only=True)
class Call:
    """A step that a plugin brings, by its name, with its settings.

    For each customer the plugin says a word: `ways` names the step that each word leads to; where it says none, it is `then`.
    """

    name: str
    step: str
    settings: Mapping[str, Any] = attrs.field(factory=dict)
    then: str = ""
    ways: Mapping[str, str] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class Enter:
    """Let the customer enter another campaign that is running; this one goes on beside it."""

    name: str
    campaign: str
    then: str = ""


@attrs.frozen(kw_only=True)
class Exit:
    """End the way here."""

    name: str

    @property
    def then(self) -> str:
        """Nothing follows."""
        return END


Step = (
    Send
    | Wait
    | WaitUntil
    | WaitDate
    | WaitFor
    | Branch
    | Split
    | Update
    | AddToSegment
    | Emit
    | Webhook
    | Call
    | Enter
    | Exit
)
#: What each kind is called in plain data.
KINDS: dict[str, type[Any]] = {
    "send": Send,
    "wait": Wait,
    "wait_until": WaitUntil,
    "wait_date": WaitDate,
    "wait_for": WaitFor,
    "branch": Branch,
    "split": Split,
    "update": Update,
    "add_to_segment": AddToSegment,
    "emit": Emit,
    "webhook": Webhook,
    "call": Call,
    "enter": Enter,
    "exit": Exit,
}
KIND_OF = {kind: name for name, kind in KINDS.items()}
#: Steps that wait.
WAITS = (Wait, WaitUntil, WaitDate, WaitFor)
#: Those at which time passes for everybody: every way round has to come by one. A date may be over, or not known.
PAUSES = (Wait, WaitUntil, WaitFor)
