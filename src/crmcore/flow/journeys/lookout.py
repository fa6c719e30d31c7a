"""What a run looks out for: events, changes of dates, times."""

from __future__ import annotations

from collections.abc import Iterable

from crmcore.flow.journeys import dating, scheduling, ways
from crmcore.model.campaign import Campaign
from crmcore.model.triggers import OnDate, OnSchedule
from crmcore.store import listeners, timers
from crmcore.store.runs import Run
from crmcore.store.scope import Scope
from crmcore.store.timers import AGAIN, DATE, FILL, SCHEDULE


def begin(scope: Scope, run: Run) -> None:
    """Let a run look out for what its campaign says.

    The dates of customers are looked through by whoever works, once this is committed: whoever changes one later, or has
    not committed a change by then, sees that there is a run to be told.
    """
    _listen(scope, run, [run.campaign])
    _await_times(scope, run)


def change(scope: Scope, run: Run, was: Campaign, staying: Iterable[Campaign]) -> None:
    """Let a run look out for what its new version says, and for events of those that customers stay on."""
    _listen(scope, run, [run.campaign, *staying])
    if run.campaign.trigger != was.trigger:
        timers.clear(scope, run.id, (DATE, FILL, SCHEDULE))
        _await_times(scope, run)
    if run.campaign.reentry != was.reentry:
        timers.clear(scope, run.id, (AGAIN,))
        if run.campaign.reentry.when == "interval":
            timers.put_again(scope, run.id, run.campaign.reentry.span)


def _listen(scope: Scope, run: Run, campaigns: Iterable[Campaign]) -> None:
    events = set[str]().union(*(ways.names(one) for one in campaigns))
    listeners.listen(scope, run.id, events | dating.names(run.campaign))


def _await_times(scope: Scope, run: Run) -> None:
    match run.campaign.trigger:
        case OnDate():
            timers.put(scope, FILL, run.id, {0: scope.now})
        case OnSchedule() as trigger:
            timers.put(scope, SCHEDULE, run.id, {0: scheduling.due_after(trigger, scope.now - 1)})
        case _:
            pass
