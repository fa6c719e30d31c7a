"""The report of a run, put together from the ledger."""

from __future__ import annotations

from collections import Counter

from crmcore.errors import InvalidCampaign
from crmcore.flow.holdout import planned_share
from crmcore.model.campaign import LONGEST_HORIZON, Campaign
from crmcore.model.delivery import BOOKS, Book, State
from crmcore.model.lift import Amounts, Lift, of_means, of_shares, sample_ratio
from crmcore.model.report import Report
from crmcore.model.time import DAY
from crmcore.store import reports
from crmcore.store.runs import Run
from crmcore.store.scope import Scope


def report(scope: Scope, run: Run, days: int | None = None) -> Report:
    """Return what came of a run up to now, with outcomes of so many days, or of the goal's own time."""
    goal, horizon = run.campaign.goal, _horizon(run.campaign, days)
    states = reports.states(scope, run)
    books = Counter[Book]()
    for (state, _), count in states.items():
        books[BOOKS[state]] += count
    said = reports.receipts(scope, run)
    treated, held_out = reports.arms(scope, run, horizon)
    waiting = books[Book.WAITING]
    return Report(
        campaign=run.campaign.name,
        run_id=run.id,
        state=run.state,
        started_at=run.started_at,
        goal=goal,
        eligible=sum(states.values()),
        sent=books[Book.SENT],
        waiting=waiting,
        in_doubt=books[Book.IN_DOUBT],
        failed=_reasons(states, Book.FAILED),
        skipped=_reasons(states, Book.SKIPPED),
        opened=said.get("opened", 0),
        clicked=said.get("clicked", 0),
        unsubscribed=reports.unsubscribed(scope, run),
        treated=treated,
        held_out=held_out,
        horizon=horizon,
        lift=of_shares(treated, held_out, horizon=horizon) if goal else None,
        revenue=_revenue(scope, run, horizon, (treated.customers, held_out.customers)),
        sample_ratio=None
        if waiting
        else sample_ratio(treated.customers, held_out.customers, planned_share(run.campaign)),
    )


def _horizon(campaign: Campaign, days: int | None) -> int:
    if days is None:
        return campaign.goal.window if campaign.goal else 0
    if not 1 <= days <= LONGEST_HORIZON:
        problem = f"a horizon of {days} days was asked for; it goes from 1 to {LONGEST_HORIZON}"
        raise InvalidCampaign(name=campaign.name, problem=problem)
    return days * DAY


def _revenue(scope: Scope, run: Run, horizon: int, customers: tuple[int, int]) -> dict[str, Lift]:
    """Return the lift of revenue by currency: in each, those who spent nothing in it spent 0."""
    found: dict[str, Lift] = {}
    for currency, counts in reports.amounts(scope, run, horizon).items():
        treated, held_out = (Amounts.of(*one) for one in zip(customers, counts, strict=True))
        if (lift := of_means(treated, held_out, horizon=horizon)) is not None:
            found[currency] = lift
    return found


def _reasons(states: dict[tuple[State, str], int], book: Book) -> dict[str, int]:
    found = Counter[str]()
    for (state, reason), count in states.items():
        if BOOKS[state] is book:
            found[reason or state.value] += count
    return dict(sorted(found.items()))
