"""What came of a campaign."""

from __future__ import annotations

import math
from collections.abc import Mapping

import attrs

from crmcore.model.campaign import Goal

#: Standard normal quantile of a two-sided 95 % interval.
Z95 = 1.959963984540054


@attrs.frozen(kw_only=True)
class Arm:
    """Customers treated alike, and how many of them reached the goal."""

    customers: int
    converted: int

    @property
    def share(self) -> float:
        """The share that converted; 0 of nobody."""
        return self.converted / self.customers if self.customers else 0.0


@attrs.frozen(kw_only=True)
class Lift:
    """The difference of two shares with its 95 % interval (normal, unpooled)."""

    difference: float
    low: float
    high: float


@attrs.frozen(kw_only=True)
class Report:
    """A run of a campaign. `eligible` = sent + waiting + in_doubt + failed + skipped, at every moment.

    `treated` are those a message was handed over for, `held_out` those who passed the same gates and got none: the two are
    alike but for the message. `state` is that of the run. Opens and clicks of machines are left out.
    """

    campaign: str
    run_id: int
    state: str
    started_at: int
    goal: Goal | None
    eligible: int
    sent: int
    waiting: int
    in_doubt: int
    failed: Mapping[str, int]
    skipped: Mapping[str, int]
    opened: int
    clicked: int
    unsubscribed: int
    treated: Arm
    held_out: Arm

    @property
    def lift(self) -> Lift | None:
        """What the messages changed, where there is a goal and something to compare with."""
        return None if self.goal is None else lift(self.treated, self.held_out)


def lift(treated: Arm, held_out: Arm) -> Lift | None:
    """Return the difference of two shares; None where one arm is empty."""
    if not treated.customers or not held_out.customers:
        return None
    difference = treated.share - held_out.share
    error = Z95 * math.sqrt(sum(arm.share * (1 - arm.share) / arm.customers for arm in (treated, held_out)))
    return Lift(difference=difference, low=difference - error, high=difference + error)
