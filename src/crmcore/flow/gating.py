"""May these messages go now? Plugin gates judge first, on frozen values; the built-in ones inside the transaction.

There all is decided first (flow.deciding), then all is written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from crmcore.flow import falling
from crmcore.flow.compose import Composed
from crmcore.flow.deciding import decide
from crmcore.flow.elsewhere import others_of
from crmcore.flow.limiting import Limiter, admitted
from crmcore.flow.plan import Plan
from crmcore.hooks.gate import Gate, Intent, Verdict
from crmcore.model.decision import Decision, Expired, Going, Held, Rerouted, Skipped
from crmcore.store import impressions, moves, rerouting
from crmcore.store.impressions import Impression
from crmcore.store.moves import Handing
from crmcore.store.scope import Scope


@attrs.frozen(kw_only=True)
class Handed:
    """What goes now, and how many ended without going."""

    going: list[Composed]
    skipped: int


def judged(plan: Plan, batch: Sequence[Composed], judges: Sequence[Gate], now: int) -> dict[int, Verdict]:
    """Return the verdicts of plugin gates that stop a message or hold it; the first gate to object counts."""
    objections: dict[int, Verdict] = {}
    for judge in judges:
        intents = [_intent(plan, one, judge) for one in batch if one.claimed.id not in objections]
        verdicts = judge.judge(intents, now=now)
        objections |= {one.delivery_id: one for one in verdicts if one.reason or one.retry_at is not None}
    return objections


def hand(
    scope: Scope,
    plan: Plan,
    batch: Sequence[Composed],
    objections: Mapping[int, Verdict],
    limiter: Limiter,
    *,
    lease_until: int,
) -> Handed:
    """Skip and hold what may not go now, note the rest as handed over, and return it; commit before the first byte."""
    decisions = decide(scope, plan, [one.claimed for one in batch], objections)
    _stop(scope, sorted(decisions.items()))
    passed = [one for one in batch if isinstance(decisions[one.claimed.id], Going)]
    going = admitted(scope, limiter, plan, passed)
    handings = [Handing(id=one.claimed.id, attempt=one.claimed.attempt, context=one.frozen) for one in going]
    moves.hand(scope, handings, plan.provider.name, lease_until=lease_until)
    falling.watch(scope, plan, [one.claimed for one in going])
    # Shown on several devices, it is shown once.
    first = reversed({one.claimed.unit: one for one in reversed(going)}.values())
    impressions.log(scope, [shown for one in first for shown in _impressions(plan, one)])
    return Handed(going=going, skipped=sum(isinstance(one, Skipped | Expired) for one in decisions.values()))


def _stop(scope: Scope, decisions: Sequence[tuple[int, Decision]]) -> None:
    moved = [(one, decision) for one, decision in decisions if isinstance(decision, Rerouted)]
    skipped = [(one, decision.text) for one, decision in decisions if isinstance(decision, Skipped)]
    # What stands in for a delivery takes over its code before that is given back.
    rerouting.plan(scope, [other for one, decision in moved for other in others_of(one, decision)])
    moves.skip(scope, skipped + [(one, decision.text) for one, decision in moved])
    moves.hold(scope, [(one, decision.until) for one, decision in decisions if isinstance(decision, Held)])
    moves.lapse(scope, [one for one, decision in decisions if isinstance(decision, Expired)])


def _intent(plan: Plan, one: Composed, judge: Gate) -> Intent:
    known = one.draft.context["customer"]
    return Intent(
        delivery_id=one.claimed.id,
        customer_id=one.claimed.customer_id,
        campaign=plan.campaign.name,
        purpose=one.claimed.purpose,
        channel=one.claimed.channel,
        address=one.claimed.address,
        attributes={name: known[name] for name in sorted(judge.reads) if name in known},
    )


def _impressions(plan: Plan, one: Composed) -> list[Impression]:
    if plan.advice is None:
        return []
    asked, model = plan.advice.asked, str(plan.advice.model.as_of)
    return [
        Impression(
            customer_id=one.claimed.customer_id,
            offer_id=shown.offer_id,
            delivery_id=one.claimed.id,
            slot=asked.slot,
            position=shown.position,
            propensity=shown.propensity,
            engine=asked.engine,
            model=model,
        )
        for shown in one.shown
    ]
