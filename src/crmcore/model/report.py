"""What came of a campaign."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from crmcore.model.attribution import Credit
from crmcore.model.campaign import Goal
from crmcore.model.lift import Arm, Lift, SampleRatio


@attrs.frozen(kw_only=True)
class GoalReached:
    """What came of a goal in the time its window says after messages that were handed over, computed from the log.

    `customers` reached it, `conversions` times in all, each event counted once; `revenue` in minor units by currency. By
    the goal's attribution all of it is due to messages: `steps` says so by step, `arms` by "split=arm".
    """

    goal: Goal
    customers: int
    conversions: int
    revenue: Mapping[str, int]
    steps: Mapping[str, Credit]
    arms: Mapping[str, Credit]


@attrs.frozen(kw_only=True)
class HeldOut:
    """What the message of one step changed: those who passed its gates, treated or held out by the step (`share` of them)."""

    share: float
    treated: Arm
    held_out: Arm
    lift: Lift | None
    revenue: Mapping[str, Lift]
    sample_ratio: SampleRatio | None


@attrs.frozen(kw_only=True)
class StepReport:
    """The books of a step that sends: `eligible` = sent + waiting + in_doubt + failed + skipped, at every moment.

    `holdout` is there where the step holds some out.
    """

    step: str
    eligible: int
    sent: int
    waiting: int
    in_doubt: int
    failed: Mapping[str, int]
    skipped: Mapping[str, int]
    holdout: HeldOut | None = None


@attrs.frozen(kw_only=True)
class SplitArm:
    """All whom a split gave an arm, whatever came of it, and who of them reached the goal within the horizon from then on.

    `lift` and `revenue` compare it with the first arm, which stands there as the held-out do; None of the first arm.
    """

    split: str
    arm: str
    lever: str
    counted: Arm
    lift: Lift | None
    revenue: Mapping[str, Lift]


@attrs.frozen(kw_only=True)
class SpillOver:
    """The marketing messages of other campaigns that the two arms got within the horizon.

    `treated_messages` and `held_out_messages` came to as many customers as the arms have; `ratio` is the rate of the
    held-out over that of the treated (None where the treated got none). An `alarm` says that they differ by more than a
    quarter, and by more than chance explains: the lift compares with those messages then, not with silence.
    """

    treated_messages: int
    held_out_messages: int
    difference: Lift | None
    ratio: float | None
    alarm: bool


@attrs.frozen(kw_only=True)
class Journey:
    """What came of a run of steps: `entered` = under_way + completed + exited, ways of `customers`, `held_out` of them without messages.

    `exited` by the reason that ended them (an event's name), `refused` counts the customers who might not enter, or not
    again, by reason. `spill_over` is there where a goal is measured with a holdout.
    """

    entered: int
    customers: int
    held_out: int
    under_way: int
    completed: int
    exited: Mapping[str, int]
    refused: Mapping[str, int]
    steps: tuple[StepReport, ...]
    arms: tuple[SplitArm, ...]
    spill_over: SpillOver | None


@attrs.frozen(kw_only=True)
class Report:
    """A run of a campaign. `eligible` = sent + waiting + in_doubt + failed + skipped, at every moment.

    `treated` are those a message was handed over for, whatever became of it, `held_out` those who passed the same gates
    and got none: the two are alike but for the message. `horizon` is the time from the message on in which they may reach
    the goal (microseconds). `lift` is what the messages changed in the share that did, `revenue` in what a customer spent,
    by currency (minor units); without a goal, or with nobody to compare with, there is none. `sample_ratio` says whether
    the arms are as large as planned, once nothing waits. `state` is that of the run. Opens and clicks of machines are left
    out. `delivered` and `read` are as far as carriers tell: of Web Push what browsers have shown, of WhatsApp what phones say. `goals` says of each goal what is due to which messages. Of a campaign of steps `journey` says more; the horizon
    is counted from a customer's first message there.
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
    delivered: int
    read: int
    opened: int
    clicked: int
    unsubscribed: int
    treated: Arm
    held_out: Arm
    horizon: int
    lift: Lift | None
    revenue: Mapping[str, Lift]
    sample_ratio: SampleRatio | None
    goals: tuple[GoalReached, ...] = ()
    journey: Journey | None = None
