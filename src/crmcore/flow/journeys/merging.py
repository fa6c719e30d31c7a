"""What becomes of ways when two people turn out to be one: of two that one person would not have been on, one stands still.

All ways follow their customer. Of those with one key that began under different origins, and that the policy would not
have let be beside one another, the one that has come furthest goes on (the later one where a new beginning is the policy),
so that nothing comes twice. The other stands still; it hears of exits, and goes on from there once the two are parted, within
a day. What was planned before the merge still goes, as a broadcast's messages do.
"""

from __future__ import annotations

from collections.abc import Iterable

from crmcore.model.campaign import Campaign
from crmcore.model.ids import made_at
from crmcore.store.enrolments import RESTARTED, Enrolment


def standing_still(ways: Iterable[Enrolment], campaign: Campaign) -> set[int]:
    """Return the ids of those of customers' ways through a run that stand still beside what another person began."""
    if campaign.policy == "parallel":
        return set()
    by_key: dict[tuple[int, str], list[Enrolment]] = {}
    for one in ways:
        if one.reason != RESTARTED:
            by_key.setdefault((one.customer_id, one.key), []).append(one)
    several = [same for same in by_key.values() if len({one.origin_id for one in same}) > 1]
    return {still for same in several for still in _beside(same, campaign)}


def _beside(ways: Iterable[Enrolment], campaign: Campaign) -> set[int]:
    """Each is judged by those that come before it; among those of one origin the policy was kept when they began."""
    going: list[Enrolment] = []
    still: set[int] = set()
    for one in sorted(ways, key=lambda way: _rank(way, campaign)):
        others = [other for other in going if other.origin_id != one.origin_id]
        if any(campaign.reentry.when == "once" or _were_at_once(one, other) for other in others):
            still.add(one.id)
        else:
            going.append(one)
    return still


def _rank(way: Enrolment, campaign: Campaign) -> tuple[int, int]:
    return (0, -way.id) if campaign.policy == "restart" else (-way.path.count("@"), way.id)


def _were_at_once(one: Enrolment, other: Enrolment) -> bool:
    earlier, later = sorted((one, other), key=lambda way: way.id)
    return earlier.left_at is None or earlier.left_at > made_at(later.id)
