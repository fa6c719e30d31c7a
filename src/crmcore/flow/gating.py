"""May these messages go now? Plugin gates judge first, on frozen values; the built-in ones inside the transaction."""

from __future__ import annotations

from collections.abc import Sequence

from crmcore.flow.compose import Composed
from crmcore.flow.limiting import Limiter, admitted
from crmcore.flow.plan import Plan
from crmcore.hooks.gate import Gate, Intent, Verdict
from crmcore.model.delivery import Reason
from crmcore.store import deliveries, gates, impressions
from crmcore.store.deliveries import Handing
from crmcore.store.impressions import Impression
from crmcore.store.scope import Scope


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
    objections: dict[int, Verdict],
    limiter: Limiter,
    *,
    lease_until: int,
) -> list[Composed]:
    """Skip and hold what may not go now, note the rest as handed over, and return it; commit before the first byte."""
    deliveries.hold(scope, [(one, v.retry_at) for one, v in objections.items() if v.retry_at is not None])
    stopped = {one: verdict.reason for one, verdict in objections.items() if verdict.retry_at is None}
    left = [one for one in batch if one.claimed.id not in objections]
    stopped |= gates.reasons(scope, [one.claimed for one in left], plan.policy)
    passed = [one for one in left if one.claimed.id not in stopped]
    stopped |= {one.claimed.id: Reason.HOLDOUT.value for one in passed if one.claimed.held_out}
    deliveries.skip(scope, sorted(stopped.items()))
    going = admitted(scope, limiter, plan, [one for one in passed if not one.claimed.held_out])
    handings = [Handing(id=one.claimed.id, context=one.frozen) for one in going]
    deliveries.hand(scope, handings, plan.provider.name, lease_until=lease_until)
    impressions.log(scope, [shown for one in going for shown in _impressions(plan, one)])
    return going


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
