"""What comes back: receipts settle deliveries and re-enter the river as events."""

from __future__ import annotations

from collections.abc import Sequence

from crmcore.flow.settling import message_event
from crmcore.hooks.provider import Feedback
from crmcore.model.delivery import State
from crmcore.model.statement import Suppress
from crmcore.store import events, moves, receipts, suppressions
from crmcore.store.receipts import Sent
from crmcore.store.scope import Scope

#: Where a receipt moves a delivery, where the ledger allows that.
_STATES = {
    "accepted": State.ACCEPTED,
    "delivered": State.DELIVERED,
    "read": State.READ,
    "bounced": State.FAILED,
    "failed": State.FAILED,
}
_EVENTS = {
    "delivered": "message_delivered",
    "opened": "message_opened",
    "clicked": "message_clicked",
    "replied": "message_replied",
    "bounced": "message_bounced",
    "complained": "message_complained",
    "unsubscribed": "message_unsubscribed",
    "failed": "message_failed",
}
_SUPPRESSING = {"bounced": "bounce", "complained": "complaint"}


def take(scope: Scope, feedback: Sequence[Feedback], provider: str) -> int:
    """Take feedback of one provider; return how much of it was new. Feedback on unknown deliveries changes nothing."""
    found = receipts.find(scope, feedback, provider)
    named = [(one, sent) for one in feedback if (sent := _sent(one, found)) is not None]
    new = receipts.keep_new(scope, named, provider)
    moves.amend(scope, [(sent.id, _STATES[one.type], _reason(one)) for one, sent in new if one.type in _STATES])
    _track(scope, [(one, sent) for one, sent in new if one.type in _EVENTS and not one.machine])
    _suppress(scope, [(one, sent) for one, sent in new if one.type in _SUPPRESSING])
    return len(new)


def _sent(one: Feedback, found: dict[int | str, Sent]) -> Sent | None:
    by_id = None if one.delivery_id is None else found.get(one.delivery_id)
    return by_id or found.get(one.provider_id or "")


def _reason(one: Feedback) -> str:
    return f"{one.type}: {one.reason}" if _STATES[one.type] is State.FAILED else ""


def _track(scope: Scope, new: Sequence[tuple[Feedback, Sent]]) -> None:
    made = [message_event(_EVENTS[one.type], sent.id, one.at, sent.campaign, sent.channel) for one, sent in new]
    events.append(scope, made, scope.new_ids(len(made)), [(sent.customer_id, sent.origin_id) for _, sent in new])


def _suppress(scope: Scope, refused: Sequence[tuple[Feedback, Sent]]) -> None:
    """A hard bounce or complaint ends it for the address; where the provider names none, for the customer's channel."""
    statements = [
        Suppress(
            customer=(),
            at=scope.now,
            address=one.address,
            channel=sent.channel,
            reason=_SUPPRESSING[one.type],  # type: ignore[arg-type]  # the reasons of a suppression
        )
        for one, sent in refused
    ]
    suppressions.suppress(scope, statements, [(sent.customer_id, sent.origin_id) for _, sent in refused])
