"""What becomes of messages that are about to be handed over. One gate after the other decides of what is left; none writes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from zoneinfo import ZoneInfo

from crmcore.flow.asking import Asking
from crmcore.flow.counting import capped
from crmcore.flow.elsewhere import instead
from crmcore.flow.holdout import is_globally_held_out
from crmcore.flow.plan import Plan
from crmcore.flow.retrying import until_expiry
from crmcore.flow.timing import timed
from crmcore.hooks.gate import Verdict
from crmcore.model.capping import AGAIN
from crmcore.model.decision import Decision, Expired, Going, Held, Skipped
from crmcore.model.delivery import Reason
from crmcore.model.reaching import is_wanted
from crmcore.model.time import SECOND
from crmcore.model.zones import zone_named
from crmcore.store import contexts, gates, sessions, units
from crmcore.store.claims import Claimed
from crmcore.store.scope import Scope


def decide(
    scope: Scope, plan: Plan, claimed: Sequence[Claimed], objections: Mapping[int, Verdict]
) -> dict[int, Decision]:
    """Return what becomes of each delivery, by id; of several gates that object the first in GATES counts."""
    asking = Asking(scope=scope, plan=plan, objections=objections, zones=_zones(scope, plan, claimed), left=claimed)
    for gate in GATES:
        asking = asking.after(gate(asking))
    return {one.id: asking.decided.get(one.id, Going()) for one in claimed}


def _zones(scope: Scope, plan: Plan, claimed: Sequence[Claimed]) -> dict[int, ZoneInfo]:
    if not plan.policy.needs_zones:
        return {}
    said = contexts.texts(scope, sorted({one.customer_id for one in claimed}), "time_zone")
    return {one: zone for one, name in said.items() if (zone := zone_named(name)) is not None}


def _lapsed(asking: Asking) -> dict[int, Decision]:
    now = asking.scope.now
    return {one.id: Expired() for one in asking.left if one.expires_at is not None and one.expires_at <= now}


def _exited(asking: Asking) -> dict[int, Decision]:
    return dict.fromkeys(gates.exited(asking.scope, asking.left), Skipped(reason=Reason.EXITED))


def _answered(asking: Asking) -> dict[int, Decision]:
    """Where a step goes by one channel after another, the next is not needed once one before it has done its part."""
    fallback, scope = asking.plan.fallback, asking.scope
    if fallback is None or not asking.left:
        return {}
    first = asking.left[0]
    known = units.of_step(scope, first.run_id, first.step, {one.customer_id for one in asking.left})
    idle = [one.id for one in asking.left if not is_wanted(fallback, known[one.id], one.id, scope.now)]
    return dict.fromkeys(idle, Skipped(reason=Reason.ANSWERED))


def _refused(asking: Asking) -> dict[int, Decision]:
    """Lost addresses, suppressions, consents, topics."""
    found = gates.reasons(asking.scope, asking.left, asking.plan.terms)
    return instead(asking, {one: Skipped(reason=reason) for one, reason in found.items()})


def _out_of_session(asking: Asking) -> dict[int, Decision]:
    """Where a channel has sessions, only the templates that may open one go to customers who have not written."""
    channel, scope = asking.plan.channel, asking.scope
    window = channel.capabilities.session_window
    if window is None or not asking.left:
        return {}
    opening = channel.capabilities.opens_session
    parts = sessions.parts(scope, {one.template_id for one in asking.left})
    closed = [one for one in asking.left if not parts[one.template_id] & opening]
    customers = sorted({one.customer_id for one in closed})
    wrote = sessions.writers(scope, customers, channel.name, scope.now - window * SECOND)
    outside = {one.id: Skipped(reason=Reason.SESSION_CLOSED) for one in closed if one.customer_id not in wrote}
    return instead(asking, outside)


def _objected(asking: Asking) -> dict[int, Decision]:
    found = [(one, asking.objections[one.id]) for one in asking.left if one.id in asking.objections]
    return {one.id: _objection(asking.scope.now, one, verdict) for one, verdict in found}


def _objection(now: int, one: Claimed, verdict: Verdict) -> Decision:
    """A gate that wants to be asked again at a time that is over is not asked without a break."""
    if verdict.retry_at is not None:
        return Held(until=until_expiry(one, verdict.retry_at if verdict.retry_at > now else now + AGAIN))
    words = "" if verdict.reason == Reason.GATE.value else verdict.reason
    return Skipped(reason=Reason.GATE, words=words)


def _held_out(asking: Asking) -> dict[int, Decision]:
    return {one.id: Skipped(reason=_holdout(asking, one)) for one in asking.left if one.held_out}


def _holdout(asking: Asking, one: Claimed) -> Reason:
    is_global = is_globally_held_out(asking.scope, asking.plan.policy.holdout, one.customer_id)
    return Reason.GLOBAL_HOLDOUT if is_global else Reason.HOLDOUT


#: In this order: what nobody may ask away, what the customer wants, what plugins say, what the workspace wants.
GATES: tuple[Callable[[Asking], dict[int, Decision]], ...] = (
    _lapsed,
    _exited,
    _answered,
    _refused,
    _out_of_session,
    _objected,
    timed,
    capped,
    _held_out,
)
