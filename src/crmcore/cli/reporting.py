"""A campaign's report, for a person."""

from __future__ import annotations

import click

from crmcore.cli.lifts import alarm_said, lifts_said
from crmcore.cli.output import table
from crmcore.cli.ways import goal_tables, journey_tables, way_tables
from crmcore.model.report import Report
from crmcore.model.time import DAY


def report_tables(found: Report) -> None:
    """Print a report."""
    rows: list[tuple[str, object]] = [("eligible", found.eligible), ("sent", found.sent)]
    rows += [(name, count) for name, count in (("waiting", found.waiting), ("in doubt", found.in_doubt)) if count]
    rows += [(f"skipped: {reason}", count) for reason, count in found.skipped.items()]
    rows += [(f"failed: {reason}", count) for reason, count in found.failed.items()]
    rows += [
        (f"{name}{_of(count, found.sent)}", count)
        for name, count in (("delivered", found.delivered), ("read", found.read))
        if count
    ]
    rows += [
        (f"opened{_of(found.opened, found.sent)}", found.opened),
        (f"clicked{_of(found.clicked, found.sent)}", found.clicked),
    ]
    rows.append(("unsubscribed" if found.journey is None else "unsubscribed (customers)", found.unsubscribed))
    if found.journey is not None:
        way_tables(found.journey)
    what = "customers" if found.journey is None else "messages"
    table(f"Campaign {found.campaign} ({found.state})", ("what", what), rows)
    if found.goal is not None:
        _arms(found, found.goal.event)
    if found.sample_ratio is not None and found.sample_ratio.alarm:
        click.echo(alarm_said(found.sample_ratio))
    if found.journey is not None:
        journey_tables(found, found.journey)
    if found.journey is not None or len(found.goals) > 1:
        goal_tables(found.goals)


def _arms(found: Report, event: str) -> None:
    days = f"{found.horizon / DAY:g} days"
    arms = [
        (name, arm.customers, arm.complete, arm.converted, f"{arm.mean:.1%}")
        for name, arm in (("treated", found.treated), ("held out", found.held_out))
    ]
    since = "" if found.journey is None else " of a customer's first message"
    table(f"Goal: {event} within {days}{since}", ("arm", "customers", f"{days} over", "converted", "share"), arms)
    lifts_said("Lift", found.lift, found.revenue, "held out")


def _of(part: int, whole: int) -> str:
    return f" ({part / whole:.1%} of sent)" if whole else ""
