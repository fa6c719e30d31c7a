"""What came of a campaign of steps, for a person: ways, the books of each step, arms, goals, and what spilled over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

import click

from crmcore.cli.lifts import alarm_said, lifts_said, money
from crmcore.cli.output import table
from crmcore.model.attribution import WHOLE, Credit
from crmcore.model.lift import Arm
from crmcore.model.report import GoalReached, HeldOut, Journey, Report, SpillOver, SplitArm, StepReport
from crmcore.model.time import DAY


def way_tables(found: Journey) -> None:
    """Print who entered, and what became of the ways."""
    rows = [
        (f"entered ({found.customers:,} customers)", found.entered),
        ("of them held out", found.held_out),
        ("under way", found.under_way),
        ("completed", found.completed),
        *((f"ended: {reason}", count) for reason, count in found.exited.items()),
    ]
    table("Ways", ("what", "ways"), rows)
    if found.refused:
        table("Not let in", ("why", "customers"), found.refused.items())


def journey_tables(report: Report, found: Journey) -> None:
    """Print the books of each step, its holdout, the arms of each split, and what spilled over."""
    columns = ("step", "eligible", "sent", "waiting", "in doubt", "failed", "skipped", "skipped or failed, why")
    table("Messages by step", columns, map(_books, found.steps))
    days = f"{report.horizon / DAY:g} days"
    for step in found.steps:
        if step.holdout is not None:
            _step_holdout(step.step, step.holdout, days)
    for split, arms in groupby(found.arms, key=lambda one: one.split):
        _split(split, list(arms), days)
    if found.spill_over is not None:
        click.echo(_spilled(found.spill_over, report, days))


def _books(one: StepReport) -> tuple[object, ...]:
    why = [f"{reason} {count:,}" for reason, count in (*one.skipped.items(), *one.failed.items())]
    failed, skipped = sum(one.failed.values()), sum(one.skipped.values())
    return one.step, one.eligible, one.sent, one.waiting, one.in_doubt, failed, skipped, ", ".join(why)


def _step_holdout(step: str, found: HeldOut, days: str) -> None:
    title = f"Step {step}, {found.share:.1%} of it held out: goal within {days} of its message"
    _arms(title, {"treated": found.treated, "held out": found.held_out}, days)
    lifts_said(f"Lift of step {step}", found.lift, found.revenue, "held out")
    if found.sample_ratio is not None and found.sample_ratio.alarm:
        click.echo(alarm_said(found.sample_ratio))


def _split(split: str, arms: Sequence[SplitArm], days: str) -> None:
    named = {f"{one.arm}{f' ({one.lever})' if one.lever else ''}": one.counted for one in arms}
    _arms(f"Split {split}: all who came by it, goal within {days} from then on", named, days)
    first = arms[0].arm
    for one in arms[1:]:
        lifts_said(f"Lift of {one.arm} over {first}", one.lift, one.revenue, f"for {first}")


def _arms(title: str, arms: Mapping[str, Arm], days: str) -> None:
    rows = [(name, arm.customers, arm.complete, arm.converted, f"{arm.mean:.1%}") for name, arm in arms.items()]
    table(title, ("arm", "customers", f"{days} over", "converted", "share"), rows)


def _spilled(found: SpillOver, report: Report, days: str) -> str:
    sides = " and ".join(
        f"the {name} {messages:,} ({messages / arm.customers:.2f} a customer)"
        for name, messages, arm in (
            ("held-out", found.held_out_messages, report.held_out),
            ("treated", found.treated_messages, report.treated),
        )
    )
    rate = "" if found.ratio is None else f", {found.ratio:.2f} times the rate"
    said = f"Other campaigns: within {days} {sides}{rate}."
    warning = "They differ: the lift compares with those messages, not with silence."
    return f"Warning: {said} {warning}" if found.alarm else said


def goal_tables(goals: Sequence[GoalReached]) -> None:
    """Print what came of each goal, and to which messages it is due."""
    for one in goals:
        goal = one.goal
        title = f"{goal.event} within {goal.within} of a message, revenue of {goal.revenue}, due to {goal.attribution}"
        said = {"all": Credit(conversions=one.conversions * WHOLE, revenue=one.revenue)}
        rows = [_credit(name, due) for name, due in (*said.items(), *one.steps.items(), *one.arms.items())]
        table(f"{title} ({one.customers:,} customers)", ("due to", "conversions", "revenue"), rows)


def _credit(name: str, due: Credit) -> tuple[str, str, str]:
    revenue = ", ".join(money(amount, currency) for currency, amount in due.revenue.items())
    return name, f"{due.conversions / WHOLE:,.2f}".removesuffix(".00"), revenue
