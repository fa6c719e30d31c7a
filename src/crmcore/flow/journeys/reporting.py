"""What came of a run of steps: who is where, the books of each step, arms against one another, and what spilled over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import attrs
from sqlalchemy import Subquery

from crmcore.flow.books import books
from crmcore.flow.comparing import HELD_OUT, TREATED, Measured, measure
from crmcore.model.lift import Amounts, Lift, of_means, sample_ratio
from crmcore.model.outline import Outline, outline
from crmcore.model.report import HeldOut, Journey, SpillOver, SplitArm, StepReport
from crmcore.model.steps import Send, Split
from crmcore.store import enrolments, journeys, reports
from crmcore.store.journeys import Counted
from crmcore.store.reports import Counts, States
from crmcore.store.runs import Run
from crmcore.store.scope import Scope

#: From this ratio of rates on, either way, messages of other campaigns are no longer alike.
UNLIKE = 1.25


def journey(scope: Scope, run: Run, measured: Measured, passed: Subquery) -> Journey:
    """Return what came of a run; `measured` are the arms of the campaign, those who `passed` its gates."""
    ways = journeys.ways(scope, run.id)
    return Journey(
        entered=sum(one.count for one in ways),
        customers=journeys.customers(scope, run.id),
        held_out=sum(one.count for one in ways if one.held_out),
        under_way=sum(one.count for one in ways if one.state == enrolments.RUNNING),
        completed=sum(one.count for one in ways if one.state == enrolments.COMPLETED),
        exited=_exited(ways),
        refused=journeys.refused(scope, run.id),
        steps=tuple(_steps(scope, run, measured)),
        arms=tuple(_arms(scope, run, measured)),
        spill_over=_spill_over(scope, run, measured, passed),
    )


def _exited(ways: Sequence[Counted]) -> dict[str, int]:
    found = Counter[str]()
    for one in ways:
        if one.state == enrolments.EXITED:
            found[one.reason] += one.count
    return dict(sorted(found.items()))


def _steps(scope: Scope, run: Run, measured: Measured) -> list[StepReport]:
    """Return the steps that send, in order, and after them those that only earlier versions have."""
    states = reports.states(scope, run.id)
    sends = {one.name: one for one in run.campaign.sends}
    earlier = sorted(states.keys() - sends.keys())
    return [_step(scope, run, name, sends.get(name), states.get(name, {}), measured) for name in (*sends, *earlier)]


def _step(scope: Scope, run: Run, name: str, send: Send | None, states: States, measured: Measured) -> StepReport:
    found = books(states)
    made = StepReport(step=name, **attrs.asdict(found))
    if send is None or not send.holdout:
        return made
    apart = measure(scope, reports.passed_step(scope, run, name), measured.goal, measured.horizon)
    treated, held_out = apart.group(TREATED), apart.group(HELD_OUT)
    ratio = None if found.waiting else sample_ratio(treated.customers, held_out.customers, send.holdout)
    holdout = HeldOut(
        share=send.holdout,
        treated=treated,
        held_out=held_out,
        lift=apart.lift(TREATED, HELD_OUT),
        revenue=apart.revenue(TREATED, HELD_OUT),
        sample_ratio=ratio,
    )
    return attrs.evolve(made, holdout=holdout)


def _arms(scope: Scope, run: Run, measured: Measured) -> list[SplitArm]:
    splits = [one for one in run.campaign.steps if isinstance(one, Split)]
    return [arm for split in splits for arm in _arms_of(scope, run, split, measured)]


def _arms_of(scope: Scope, run: Run, split: Split, measured: Measured) -> list[SplitArm]:
    apart = measure(scope, journeys.by_arm(scope, run.id, split), measured.goal, measured.horizon)
    first = split.arms[0].name
    return [
        SplitArm(
            split=split.name,
            arm=arm.name,
            lever=arm.lever,
            counted=apart.group(arm.name),
            lift=None if arm.name == first else apart.lift(arm.name, first),
            revenue={} if arm.name == first else apart.revenue(arm.name, first),
        )
        for arm in split.arms
    ]


def _spill_over(scope: Scope, run: Run, measured: Measured, passed: Subquery) -> SpillOver | None:
    if measured.goal is None or not measured.group(HELD_OUT).customers or not measured.group(TREATED).customers:
        return None
    return spill_over(journeys.others(scope, run, passed, measured.horizon), measured.horizon)


def spill_over(counts: Mapping[bool, Counts], horizon: int) -> SpillOver:
    """Compare what both arms got of other campaigns: so many customers each number of messages."""
    treated, held_out = (Amounts.of(sum(counts[arm].values()), counts[arm]) for arm in (TREATED, HELD_OUT))
    ratio = held_out.mean / treated.mean if treated.total else None
    difference = of_means(treated, held_out, horizon=horizon)
    return SpillOver(
        treated_messages=treated.total,
        held_out_messages=held_out.total,
        difference=difference,
        ratio=ratio,
        alarm=_is_unlike(ratio) and _is_no_accident(difference),
    )


def _is_unlike(ratio: float | None) -> bool:
    return ratio is None or not 1 / UNLIKE <= ratio <= UNLIKE


def _is_no_accident(difference: Lift | None) -> bool:
    if difference is None or difference.low is None or difference.high is None:
        return False
    return not difference.low <= 0 <= difference.high


def outlined(scope: Scope, run: Run) -> Outline:
    """Return a run's campaign in words, with how many stand where."""
    found = outline(run.campaign, journeys.standing(scope, run.id))
    return attrs.evolve(found, run_id=run.id, version=run.version, state=run.state)
