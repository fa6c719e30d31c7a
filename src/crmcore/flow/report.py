"""The report of a run, put together from the ledger."""

from __future__ import annotations

import attrs

from crmcore.errors import InvalidCampaign
from crmcore.flow.attributing import reached
from crmcore.flow.books import books, together
from crmcore.flow.comparing import HELD_OUT, TREATED, measure
from crmcore.flow.holdout import planned_share
from crmcore.flow.journeys.reporting import journey
from crmcore.model.campaign import LONGEST_HORIZON, Campaign, Goal
from crmcore.model.lift import sample_ratio
from crmcore.model.report import Report
from crmcore.model.time import DAY
from crmcore.store import reports
from crmcore.store.runs import Run
from crmcore.store.scope import Scope


def report(scope: Scope, run: Run, days: int | None = None) -> Report:
    """Return what came of a run up to now, with outcomes of so many days, or of the goal's own time."""
    goal = next(iter(run.campaign.all_goals), None)
    horizon = _horizon(run.campaign, goal, days)
    found = books(together(reports.states(scope, run.id).values()))
    said = reports.receipts(scope, run)
    passed = reports.passed(scope, run)
    measured = measure(scope, passed, goal, horizon)
    treated, held_out = measured.group(TREATED), measured.group(HELD_OUT)
    return Report(
        campaign=run.campaign.name,
        run_id=run.id,
        state=run.state,
        started_at=run.started_at,
        goal=goal,
        **attrs.asdict(found),
        delivered=said["delivered"],
        read=said["read"],
        opened=said["opened"],
        clicked=said["clicked"],
        unsubscribed=reports.unsubscribed(scope, run),
        treated=treated,
        held_out=held_out,
        horizon=horizon,
        lift=measured.lift(TREATED, HELD_OUT),
        revenue=measured.revenue(TREATED, HELD_OUT),
        sample_ratio=None
        if found.waiting
        else sample_ratio(treated.customers, held_out.customers, planned_share(run.campaign)),
        goals=tuple(reached(scope, run, one) for one in run.campaign.all_goals),
        journey=None if run.campaign.is_broadcast else journey(scope, run, measured, passed),
    )


def _horizon(campaign: Campaign, goal: Goal | None, days: int | None) -> int:
    if days is None:
        return goal.window if goal else 0
    if not 1 <= days <= LONGEST_HORIZON:
        problem = f"a horizon of {days} days was asked for; it goes from 1 to {LONGEST_HORIZON}"
        raise InvalidCampaign(name=campaign.name, problem=problem)
    return days * DAY
