"""When something is due next: of enrolments, deliveries, webhooks, timers, segments and jobs, each by the index over what waits."""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import BigInteger, Column, Select, Table, TextClause, bindparam, func, select, union_all

from crmcore.store import schema
from crmcore.store.deliveries import LEASED, WAITING
from crmcore.store.runs import GOING, RUNNING
from crmcore.store.scope import Scope

_MINE = bindparam("workspace", type_=BigInteger())
_SINCE = bindparam("since", type_=BigInteger())


def next_due(scope: Scope, since: int) -> int | None:
    """Return the earliest time, at `since` or later (microseconds UTC), at which work would find something to do.

    What was due before and could not go (a plugin is missing, a run stands still) is no reason to look again.
    """
    given = {"workspace": scope.workspace_id, "since": since}
    return min((at for (at,) in scope.connection.execute(earliest(), given) if at is not None), default=None)


@cache
def earliest() -> Select[Any]:
    """Return the select of the earliest time in each table."""
    enrolment, delivery, webhook = schema.enrolment.c, schema.delivery.c, schema.webhook.c
    standing, timer, job = schema.standing.c, schema.timer.c, schema.job.c
    found = union_all(
        _of_runs(schema.enrolment, enrolment.due_at, (RUNNING,)),
        _of_runs(schema.delivery, delivery.due_at, GOING, WAITING),
        select(func.min(delivery.lease_until)).where(
            delivery.workspace_id == _MINE, delivery.lease_until >= _SINCE, LEASED
        ),
        select(func.min(webhook.due_at)).where(
            webhook.workspace_id == _MINE, webhook.due_at >= _SINCE, webhook.settled_at.is_(None)
        ),
        select(func.min(standing.due_at)).where(standing.workspace_id == _MINE, standing.due_at >= _SINCE),
        select(func.min(timer.due_at)).where(timer.workspace_id == _MINE, timer.due_at >= _SINCE),
        select(func.min(job.due_at)).where(job.workspace_id == _MINE, job.due_at >= _SINCE),
    )
    return select(found.subquery("due"))


def _of_runs(table: Table, due_at: Column[Any], states: tuple[str, ...], *which: TextClause) -> Select[Any]:
    """Return the earliest of the runs in these states: each is one look into the index that begins with the run."""
    run = schema.run.c
    first = select(func.min(due_at)).where(table.c.workspace_id == _MINE, table.c.run_id == run.id, due_at >= _SINCE)
    return select(func.min(first.where(*which).scalar_subquery())).where(
        run.workspace_id == _MINE, run.state.in_(states)
    )
