"""The gate of quiet hours and weekdays: by the customer's clock a message goes, waits, ends, or goes another way."""

from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from crmcore.flow.asking import Asking
from crmcore.flow.elsewhere import ways
from crmcore.flow.retrying import until_expiry
from crmcore.model.decision import Decision, Held, Skipped
from crmcore.model.delivery import Reason
from crmcore.model.policy import HOLD, TimeRule
from crmcore.model.quiet import in_the_way, released
from crmcore.model.time import DAY
from crmcore.store.claims import Claimed

#: How far ahead a time is looked for that rules leave open; where there is none so long, they are asked again then.
_AHEAD = 32 * DAY
#: What a rule says at the clock of a zone; a rule itself where another channel is to stand in.
_Answer = Held | Skipped | TimeRule | None


def timed(asking: Asking) -> dict[int, Decision]:
    """Decide by the clocks of customers; all in one zone have the same answer."""
    if not asking.plan.policy.timed:
        return {}
    zones = {one.id: _zone(asking, one) for one in asking.left}
    answers = {zone: _answer(asking, zone) for zone in set(zones.values())}
    stopped = [(one, answer) for one in asking.left if (answer := answers[zones[one.id]]) is not None]
    moving = [(one, answer) for one, answer in stopped if isinstance(answer, TimeRule)]
    ended = [(one, answer) for one, answer in stopped if not isinstance(answer, TimeRule)]
    return {one.id: _in_its_life(one, answer) for one, answer in ended} | _elsewhere(asking, moving)


def _zone(asking: Asking, one: Claimed) -> ZoneInfo | None:
    known = asking.zones.get(one.customer_id)
    return asking.default_zone if known is None and asking.plan.policy.unknown_zone == "workspace" else known


def _answer(asking: Asking, zone: ZoneInfo | None) -> _Answer:
    rules, now = asking.plan.policy, asking.scope.now
    if zone is None:
        return Skipped(reason=Reason.UNKNOWN_ZONE) if rules.unknown_zone == "skip" else None
    rule = in_the_way(rules.timed, zone, now)
    if rule is None or rule.then in asking.plan.others:
        return rule
    if rule.then == HOLD:
        return Held(until=released(rules.timed, zone, now, now + _AHEAD))
    return Skipped(reason=rule.reason)


def _in_its_life(one: Claimed, answer: Held | Skipped) -> Decision:
    return answer if isinstance(answer, Skipped) else Held(until=until_expiry(one, answer.until))


def _elsewhere(asking: Asking, moving: Sequence[tuple[Claimed, TimeRule]]) -> dict[int, Decision]:
    found: dict[int, Decision] = {}
    for channel in sorted({rule.then for _, rule in moving}):
        found |= _rerouted(asking, channel, [(one, rule) for one, rule in moving if rule.then == channel])
    return found


def _rerouted(asking: Asking, channel: str, moving: Sequence[tuple[Claimed, TimeRule]]) -> dict[int, Decision]:
    """Whoever has no address on the other channel, or for whom nothing is written there, gets nothing."""
    customers = sorted({one.customer_id for one, _ in moving})
    found = ways(asking.scope, asking.plan.campaign.template, channel, customers)
    return {one.id: found.get(one.customer_id, Skipped(reason=rule.reason)) for one, rule in moving}
