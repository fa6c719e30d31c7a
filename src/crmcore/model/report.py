"""What came of a campaign."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from crmcore.model.campaign import Goal
from crmcore.model.lift import Arm, Lift, SampleRatio


@attrs.frozen(kw_only=True)
class Report:
    """A run of a campaign. `eligible` = sent + waiting + in_doubt + failed + skipped, at every moment.

    `treated` are those a message was handed over for, whatever became of it, `held_out` those who passed the same gates
    and got none: the two are alike but for the message. `horizon` is the time from the message on in which they may reach
    the goal (microseconds). `lift` is what the messages changed in the share that did, `revenue` in what a customer spent,
    by currency (minor units); without a goal, or with nobody to compare with, there is none. `sample_ratio` says whether
    the arms are as large as planned, once nothing waits. `state` is that of the run. Opens and clicks of machines are left
    out.
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
    horizon: int
    lift: Lift | None
    revenue: Mapping[str, Lift]
    sample_ratio: SampleRatio | None
