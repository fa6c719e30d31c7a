"""What an operator looks at first: the latest run of each campaign, and what waits of all of them."""

from __future__ import annotations

import attrs
from sqlalchemy import ColumnElement, func, select

from crmcore.store import holds, schema
from crmcore.store.deliveries import WAITING
from crmcore.store.runs import PAUSED
from crmcore.store.scope import Scope


@attrs.frozen(kw_only=True)
class LatestRun:
    """The latest run of a campaign; `state` is standing (single messages), running, paused, cancelled or finished.

    `started_at` in microseconds UTC; `reason` says why it stands still, where nobody has paused it.
    """

    campaign: str
    state: str
    started_at: int
    reason: str = ""


@attrs.frozen(kw_only=True)
class Backlog:
    """How many deliveries are due (`due_since`: the oldest), due of runs that stand still, and not due yet (`later_at`: the first)."""

    due: int
    due_since: int | None
    standing_still: int
    later: int
    later_at: int | None


def latest_runs(scope: Scope) -> list[LatestRun]:
    """Return the latest run of each campaign, by name."""
    run, campaign = schema.run.c, schema.campaign.c
    query = (
        select(campaign.name, run.id, run.state, run.started_at)
        .join_from(schema.run, schema.campaign, campaign.id == run.campaign_id)
        .where(run.workspace_id == scope.workspace_id, campaign.workspace_id == scope.workspace_id)
        .order_by(campaign.name, run.started_at, run.id)
    )
    latest = {one.name: one for one in scope.connection.execute(query)}
    why = holds.of_runs(scope)
    return [
        LatestRun(campaign=name, state=one.state, started_at=one.started_at, reason=why.get(one.id, ""))
        for name, one in latest.items()
    ]


def backlog(scope: Scope) -> Backlog:
    """Return what waits; runs that stand still are counted apart, as no `work` takes from them."""
    now, later = (_by_state(scope, which) for which in _due_and_later(scope))
    still, _ = now.pop(PAUSED, (0, None))
    later.pop(PAUSED, None)
    return Backlog(
        due=sum(count for count, _ in now.values()),
        due_since=min((first for _, first in now.values()), default=None),
        standing_still=still,
        later=sum(count for count, _ in later.values()),
        later_at=min((first for _, first in later.values()), default=None),
    )


def _due_and_later(scope: Scope) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    due_at = schema.delivery.c.due_at
    return due_at <= scope.now, due_at > scope.now


def _by_state(scope: Scope, which: ColumnElement[bool]) -> dict[str, tuple[int, int]]:
    """Return, by the state of their run, how many deliveries wait and when the first of them is due."""
    row, run = schema.delivery.c, schema.run.c
    query = (
        select(run.state, func.count(), func.min(row.due_at))
        .join_from(schema.delivery, schema.run, run.id == row.run_id)
        .where(row.workspace_id == scope.workspace_id, run.workspace_id == scope.workspace_id, WAITING, which)
        .group_by(run.state)
    )
    return {state: (count, first) for state, count, first in scope.connection.execute(query)}
