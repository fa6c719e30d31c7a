"""Writing down what became of messages: states, suppressions, and the events that re-enter the river."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from crmcore.flow import falling
from crmcore.flow.limiting import Limiter
from crmcore.flow.outcome import Outcome
from crmcore.flow.plan import Plan
from crmcore.flow.registering import forget
from crmcore.hooks.notices import DeliveryChange
from crmcore.hooks.provider import Suppress
from crmcore.model.delivery import State
from crmcore.model.event import Event
from crmcore.model.identity import Identity
from crmcore.model.statement import Suppress as Suppressing
from crmcore.model.values import to_json
from crmcore.store import bulk, events, moves, notices, schema, suppressions
from crmcore.store.moves import Settled
from crmcore.store.scope import Scope

#: What the event of each kind of refusal is called, and the reason a suppression is kept under.
_REFUSALS = {
    "bounce": ("message_bounced", "bounce"),
    "complaint": ("message_complained", "complaint"),
    "opted_out": ("message_unsubscribed", "opted_out"),
}


def settle(scope: Scope, owner: str, plan: Plan, outcomes: Sequence[Outcome], limiter: Limiter) -> list[Settled]:
    """Write the outcomes of a batch that an owner handed over; return where each delivery goes."""
    outcomes = _known(scope, outcomes)
    forget(scope, outcomes)
    told = [(one, _event(scope, plan, one)) for one in outcomes]
    happened = [(event, (one.claimed.customer_id, one.claimed.origin_id)) for one, event in told if event is not None]
    new = [event for event, _ in happened]
    events.append(scope, new, scope.new_ids(len(new)), [owner for _, owner in happened])
    _suppress(scope, [one for one in outcomes if one.suppress is not None], plan.carrier)
    settled = [one.settled for one in limiter.learn(scope, plan, outcomes)]
    moves.settle(scope, owner, settled)
    falling.failed(scope, [(one.claimed.run_id, one.claimed.id) for one in outcomes if _has_failed(plan, one)])
    notices.post(scope, [_change(scope, one) for one in outcomes])
    return settled


def _known(scope: Scope, outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Leave out what is of customers who were erased meanwhile; those of the others stay until this transaction ends."""
    ids = sorted(one.claimed.id for one in outcomes)
    rows = bulk.select_held(scope, schema.delivery, ("id",), {}, "id", ids, "FOR NO KEY UPDATE")
    there = {one for (one,) in rows}
    return [one for one in outcomes if one.claimed.id in there]


def _has_failed(plan: Plan, one: Outcome) -> bool:
    return plan.fallback is not None and one.settled.state is State.FAILED


def _change(scope: Scope, one: Outcome) -> DeliveryChange:
    state = one.settled.state.value
    return DeliveryChange(delivery_id=one.claimed.id, customer_id=one.claimed.customer_id, state=state, at=scope.now)


def message_event(name: str, delivery_id: int, at: int, campaign: str, channel: str) -> Event:
    """Return the event that something happened to a message."""
    return Event(name=name, customer=(), at=at, ref=str(delivery_id), properties=_said(campaign, channel))


@lru_cache(maxsize=64)
def _said(campaign: str, channel: str) -> str:
    return to_json({"campaign": campaign, "channel": channel}, "message event")


def _event(scope: Scope, plan: Plan, one: Outcome) -> Event | None:
    if one.suppress is not None:
        name = _REFUSALS[one.suppress.reason][0]
    elif one.settled.state is State.ACCEPTED:
        name = "message_sent"
    elif one.settled.state is State.FAILED:
        name = "message_failed"
    else:
        return None
    return message_event(name, one.claimed.id, scope.now, plan.campaign.name, plan.channel.name)


def _suppress(scope: Scope, refused: Sequence[Outcome], carrier: str) -> None:
    statements = [
        Suppressing(
            customer=(),
            at=scope.now,
            address=_target(one.claimed.address, one.suppress),
            channel=one.claimed.channel,
            reason=_REFUSALS[one.suppress.reason][1],  # type: ignore[arg-type]  # the reasons of a suppression
            until=one.suppress.until,
            # As a choice of theirs has it: what a carrier tells as an answer, it may take back by a webhook.
            source=carrier if one.suppress.reason == "opted_out" else None,
        )
        for one in refused
        if one.suppress is not None
    ]
    suppressions.suppress(scope, statements, [(one.claimed.customer_id, one.claimed.origin_id) for one in refused])


def _target(address: Identity, said: Suppress) -> Identity:
    return suppressions.marketing_at(address) if said.reason == "opted_out" else address
