"""What is told of one customer and one campaign: what was sent, or the one reason why nothing was, in words."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from crmcore.flow.explanation import Explanation
from crmcore.flow.journeys.ways import AUDIENCE, GAP, LATE, NO_KEY, ONCE, UNDER_WAY
from crmcore.model.delivery import Reason, State
from crmcore.store.enrolments import RESTARTED
from crmcore.store.runs import CANCELLED

#: Why nothing was sent, where no message says why.
ON_THE_WAY, EXITED, NO_MESSAGE = "on_the_way", "exited", "no_message"
NOT_MATCHED, NOT_IN_AUDIENCE, UNKNOWN_THEN = "not_matched", "not_in_audience", "unknown_then"


@attrs.frozen(kw_only=True)
class Passed:
    """A step on the way: which way it went from there ("" where there is but one), and when (microseconds UTC)."""

    step: str
    way: str
    at: int


@attrs.frozen(kw_only=True)
class Way:
    """A customer's way through the campaign; `stands` says in words where it stands and what it waits for, or why it ended.

    `key` is "" or what it is about (a cart, an order); `path` says where it has been (of a very long way the latest part);
    `next` is where it goes at `due_at`. Times are microseconds UTC.
    """

    enrolment_id: int
    key: str
    occurrence: int
    version: int
    held_out: bool
    entered_at: int
    state: str
    stands: str
    step: str
    next: str
    due_at: int | None
    left_at: int | None
    reason: str
    path: tuple[Passed, ...]


@attrs.frozen(kw_only=True)
class Told:
    """A message of the campaign to the customer: a row of the ledger, and in words what became of it.

    `follows` is the channel by which the same was tried before ("" for the first): its message says why it was not enough.
    `address_kind` is "" where there was no address, `address_hint` a little of it.
    """

    delivery_id: int
    enrolment_id: int
    step: str
    channel: str
    follows: str
    address_kind: str
    address_hint: str
    state: str
    reason: str
    says: str
    held_out: bool
    arm: str
    planned_at: int
    due_at: int
    handed_at: int | None
    settled_at: int | None


@attrs.frozen(kw_only=True)
class Refused:
    """Matches that did not let the customer in, by reason: how many, and when."""

    reason: str
    says: str
    count: int
    first_at: int
    last_at: int


@attrs.frozen(kw_only=True)
class Explained:
    """What the latest run of a campaign did with a customer, and why.

    `sent` messages were taken over by a carrier. Where it is 0 there is one `reason`, and `because` says it in words; else
    both are "". Where the customer has never entered, `audience` says which part of the audience's condition it does not
    fit (as of the launch, of a campaign without a trigger), `trigger` what there is of the event that lets customers in.
    """

    campaign: str
    run_id: int
    state: str
    customer_id: int
    key: str | None
    sent: int
    reason: str
    because: str
    ways: tuple[Way, ...]
    messages: tuple[Told, ...]
    refusals: tuple[Refused, ...]
    audience: Explanation | None = None
    trigger: Explanation | None = None


#: Why a message was not sent.
SKIPPED: Mapping[str, str] = {
    Reason.EXITED: "an event ended the way before the message was handed over",
    Reason.ANSWERED: "an earlier message of the same step had reached the customer, or was answered",
    Reason.NO_ADDRESS: "there is no address that it could go to",
    Reason.SUPPRESSED: "the customer, or the address, is suppressed",
    Reason.NO_CONSENT: "the customer has not consented to the purpose",
    Reason.UNSUBSCRIBED: "the customer has withdrawn consent, or does not want the topic",
    Reason.SESSION_CLOSED: "the customer has not written lately, and the template may not open a conversation",
    Reason.GATE: "a gate of a plugin objected",
    Reason.UNKNOWN_ZONE: "nobody knows what time it is for the customer",
    Reason.QUIET_HOURS: "it was the customer's quiet hours",
    Reason.WEEKDAY: "it was no day on which messages go",
    Reason.REROUTED: "it went another way: another message took its place",
    Reason.NO_COUPON: "its source of coupons had no code left",
    Reason.CAPPED: "the customer had got as many messages as the caps allow",
    Reason.GLOBAL_HOLDOUT: "the customer is held out of all marketing, to measure against",
    Reason.HOLDOUT: "the customer is held out, to measure against",
    State.EXPIRED: "it had waited for longer than it was worth sending",
    State.CANCELLED: "the campaign was cancelled before it went",
}
#: What has become of other messages.
STANDS: Mapping[str, str] = {
    State.PLANNED: "it is planned, and goes when it is due",
    State.CLAIMED: "it is about to be handed over",
    State.HANDED: "it was handed over, and the carrier has not answered yet",
    State.DEFERRED: "it is tried again when it is due",
    State.ACCEPTED: "a carrier has taken it over",
    State.DELIVERED: "it was delivered",
    State.READ: "it was read",
    State.IN_DOUBT: "it was handed over, and nobody knows what became of it",
    State.FAILED: "it failed",
}
#: Why a match did not let the customer in.
REFUSED: Mapping[str, str] = {
    AUDIENCE: "the audience had not the customer when it was to enter",
    ONCE: "the customer had been through the campaign, and may enter it once",
    GAP: "the customer had entered too short a time ago to enter again",
    UNDER_WAY: "the customer was on the way through the campaign already",
    NO_KEY: "the event had not the field that says what the way is about",
    LATE: "an event that ends such a way had come since",
}
#: Why nothing was sent to a customer of whom there is no message.
NOTHING: Mapping[str, str] = {
    NOT_MATCHED: "nothing has let the customer in since the launch",
    NOT_IN_AUDIENCE: "the audience had not the customer at the launch",
    UNKNOWN_THEN: "nobody knew the customer at the launch",
    NO_MESSAGE: "the customer's way came by no step that sends",
}
ENDED: Mapping[str, str] = {
    CANCELLED: "ended when the campaign was cancelled",
    RESTARTED: "ended when another way of the same key began",
}


def message_says(state: str, reason: str) -> str:
    """Return what became of a message, in words."""
    if state == State.SKIPPED.value:
        kind, _, words = reason.partition(": ")
        if kind == Reason.REROUTED and words:
            return f"{SKIPPED[words]}; another message took its place"
        return SKIPPED.get(kind, kind) + (f": {words}" if words else "")
    said = STANDS.get(state) or SKIPPED[state]
    return f"{said}: {reason}" if reason else said
