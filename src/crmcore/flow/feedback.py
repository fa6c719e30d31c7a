"""What comes back: receipts settle deliveries and re-enter the river as events.

Where a delivery stands follows from the set of its receipts and what its carrier answered, not from the order they came in.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import attrs

from crmcore.flow import falling
from crmcore.flow.settling import message_event
from crmcore.hooks.provider import Feedback
from crmcore.model.delivery import AGAIN, BY_RECEIPT, State
from crmcore.model.receipts import RANKED, RETRIED, Said, has_failed, outcome
from crmcore.model.statement import Suppress
from crmcore.model.time import SECOND
from crmcore.store import events, moves, receipts, runs, suppressions
from crmcore.store.moves import Amended
from crmcore.store.receipts import Sent
from crmcore.store.scope import Scope

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
Told = tuple[Feedback, Sent]


@attrs.frozen(kw_only=True)
class Heard:
    """How much feedback was new; `early` is what may be of messages whose carrier has given no id of them yet."""

    new: int = 0
    early: tuple[Feedback, ...] = ()


def take(scope: Scope, feedback: Sequence[Feedback], provider: str, channel: str = "") -> Heard:
    """Take feedback of one provider, on deliveries of a channel or of any; on those that nobody knows it changes nothing."""
    found = receipts.find(scope, feedback, provider)
    early = _early(scope, feedback, found, provider)
    named = [
        (one, sent) for one in feedback if (sent := _sent(one, found)) is not None and channel in ("", sent.channel)
    ]
    new = receipts.keep_new(scope, named, provider)
    _merge(scope, [(one, sent) for one, sent in new if one.type in RANKED])
    _track(
        scope,
        [(one, sent) for one, sent in new if one.type in _EVENTS and not one.machine and not _goes_again(one, sent)],
    )
    _suppress(scope, [(one, sent) for one, sent in new if one.type in _SUPPRESSING])
    return Heard(new=len(new), early=tuple(early))


def _early(scope: Scope, feedback: Sequence[Feedback], found: dict[int | str, Sent], provider: str) -> list[Feedback]:
    """Look once more for what is not found; return what may be of a message that is on its way just now.

    Asked in this order: what was settled between the two looks is found by the second.
    """
    missing = receipts.unknown(feedback, found)
    since = receipts.unanswered_since(scope, provider) if missing else None
    if not missing:
        return []
    found.update(receipts.find(scope, missing, provider))
    return [one for one in receipts.unknown(missing, found) if since is not None and _is_since(one.at, since)]


def _is_since(at: int, since: int) -> bool:
    return at >= since - since % SECOND


def _sent(one: Feedback, found: Mapping[int | str, Sent]) -> Sent | None:
    by_id = None if one.delivery_id is None else found.get(one.delivery_id)
    return by_id or found.get(one.provider_id or "")


def _goes_again(one: Feedback, sent: Sent) -> bool:
    return one.type == "failed" and sent.handed.again_at(one.at, receipts.again_after(one)) is not None


def _merge(scope: Scope, new: Sequence[Told]) -> None:
    """Let each delivery stand where all its receipts together leave it."""
    told = {sent.id: sent for _, sent in new}
    said = receipts.said_of(scope, told)
    amended = [one for sent in told.values() if (one := _amended(sent, said[sent.id])) is not None]
    over = _cannot_go_on(scope, {told[one.id].run_id for one in amended if one.state is State.PLANNED})
    moved = [_failed(one, said[one.id]) if told[one.id].run_id in over else one for one in amended]
    moves.amend(scope, moved)
    falling.failed(scope, [(told[one.id].run_id, one.id) for one in moved if one.state is State.FAILED])


def _amended(sent: Sent, said: Iterable[Said]) -> Amended | None:
    """Return where a delivery goes, unless it stays as it is."""
    by_hand = sent.state in AGAIN and sent.reason == RETRIED
    to = outcome(said, sent.handed, arrivals=by_hand)
    if to is None or State(sent.state) not in BY_RECEIPT[to.state]:
        return None
    stays = (sent.state, sent.reason) == (to.state, to.reason) and to.due_at in (None, sent.due_at)
    return None if stays else Amended(id=sent.id, state=to.state, reason=to.reason, due_at=to.due_at)


def _failed(one: Amended, said: Iterable[Said]) -> Amended:
    if one.state is not State.PLANNED:
        return one
    to = has_failed(said)
    return Amended(id=one.id, state=to.state, reason=to.reason)


def _cannot_go_on(scope: Scope, run_ids: Collection[int]) -> set[int]:
    """Let runs go on that are finished; return those that were cancelled."""
    states = runs.hold_all(scope, run_ids)
    runs.move_all(scope, [run_id for run_id, state in states.items() if state == runs.FINISHED], runs.RUNNING)
    return {run_id for run_id, state in states.items() if state == runs.CANCELLED}


def _track(scope: Scope, new: Sequence[Told]) -> None:
    made = [message_event(_EVENTS[one.type], sent.id, one.at, sent.campaign, sent.channel) for one, sent in new]
    if made:
        events.append(scope, made, scope.new_ids(len(made)), [(sent.customer_id, sent.origin_id) for _, sent in new])


def _suppress(scope: Scope, refused: Sequence[Told]) -> None:
    """A hard bounce or complaint ends it for the address; where the provider names none, for the customer's channel."""
    if not refused:
        return
    statements = [
        Suppress(
            customer=(),
            at=one.at,
            address=one.address,
            channel=sent.channel,
            reason=_SUPPRESSING[one.type],  # type: ignore[arg-type]  # the reasons of a suppression
        )
        for one, sent in refused
    ]
    suppressions.suppress(scope, statements, [(sent.customer_id, sent.origin_id) for _, sent in refused])
