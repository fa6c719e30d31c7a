"""The report of a run, put together from the ledger."""

from __future__ import annotations

from collections import Counter

from crmcore.model.delivery import BOOKS, Book, State
from crmcore.model.report import Report
from crmcore.store import reports
from crmcore.store.runs import Run
from crmcore.store.scope import Scope


def report(scope: Scope, run: Run) -> Report:
    """Return what came of a run up to now."""
    states = reports.states(scope, run)
    books = Counter[Book]()
    for (state, _), count in states.items():
        books[BOOKS[state]] += count
    said = reports.receipts(scope, run)
    treated, held_out = reports.arms(scope, run, run.campaign.goal)
    return Report(
        campaign=run.campaign.name,
        run_id=run.id,
        state=run.state,
        started_at=run.started_at,
        goal=run.campaign.goal,
        eligible=sum(states.values()),
        sent=books[Book.SENT],
        waiting=books[Book.WAITING],
        in_doubt=books[Book.IN_DOUBT],
        failed=_reasons(states, Book.FAILED),
        skipped=_reasons(states, Book.SKIPPED),
        opened=said.get("opened", 0),
        clicked=said.get("clicked", 0),
        unsubscribed=reports.unsubscribed(scope, run),
        treated=treated,
        held_out=held_out,
    )


def _reasons(states: dict[tuple[State, str], int], book: Book) -> dict[str, int]:
    found = Counter[str]()
    for (state, reason), count in states.items():
        if BOOKS[state] is book:
            found[reason or state.value] += count
    return dict(sorted(found.items()))
