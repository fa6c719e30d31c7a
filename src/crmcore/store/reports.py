"""The figures of a run, counted by SQL."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import FromClause, Subquery, Text, and_, case, cast, distinct, func, or_, select

from crmcore.model.delivery import Reason, State
from crmcore.model.lift import Arm
from crmcore.store import schema
from crmcore.store.runs import Run
from crmcore.store.scope import Scope

#: How many customers spent each amount.
Counts = dict[int, int]


def states(scope: Scope, run: Run) -> dict[tuple[State, str], int]:
    """Return how many deliveries of a run there are in each state, by reason; another stands for a rerouted one."""
    row = schema.delivery.c
    query = (
        select(row.state, row.reason, func.count())
        .where(row.workspace_id == scope.workspace_id, row.run_id == run.id, row.reason != Reason.REROUTED.value)
        .group_by(row.state, row.reason)
    )
    return {(State(state), reason): count for state, reason, count in scope.connection.execute(query)}


def receipts(scope: Scope, run: Run) -> Mapping[str, int]:
    """Return for how many deliveries of a run each type of receipt came, those of machines left out."""
    row, said = schema.delivery.c, schema.receipt.c
    query = (
        select(said.type, func.count(distinct(row.id)))
        .join_from(schema.delivery, schema.receipt, said.delivery_id == row.id)
        .where(
            row.workspace_id == scope.workspace_id,
            said.workspace_id == scope.workspace_id,
            row.run_id == run.id,
            ~said.machine,
        )
        .group_by(said.type)
    )
    return {kind: count for kind, count in scope.connection.execute(query)}


def unsubscribed(scope: Scope, run: Run) -> int:
    """Return how many customers unsubscribed by a message of a run."""
    row, event = schema.delivery.c, schema.event.c
    query = (
        select(func.count(distinct(event.customer_id)))
        .join_from(schema.delivery, schema.event, event.customer_id == row.customer_id)
        .where(
            row.workspace_id == scope.workspace_id,
            event.workspace_id == scope.workspace_id,
            row.run_id == run.id,
            event.name == "message_unsubscribed",
            event.ref == cast(row.id, Text),
        )
    )
    return scope.connection.execute(query).scalar_one()


def arms(scope: Scope, run: Run, horizon: int) -> tuple[Arm, Arm]:
    """Return the treated and the held-out: all who passed the gates, and of them who reached the goal within the horizon."""
    passed = _passed(scope, run)
    is_over = case((passed.c.since <= scope.now - horizon, 1), else_=0)
    query = select(passed.c.held_out, func.count(), func.sum(is_over)).group_by(passed.c.held_out)
    counts = {bool(held): (customers, int(over)) for held, customers, over in scope.connection.execute(query)}
    converted = _converted(scope, run, passed, horizon)
    treated, held_out = (
        Arm(customers=customers, converted=converted.get(held, 0), complete=complete)
        for held, (customers, complete) in ((held, counts.get(held, (0, 0))) for held in (False, True))
    )
    return treated, held_out


def amounts(scope: Scope, run: Run, horizon: int) -> dict[str, tuple[Counts, Counts]]:
    """Return by currency how many of the treated and of the held-out spent how much within the horizon (minor units)."""
    if run.campaign.goal is None:
        return {}
    passed, event = _passed(scope, run), schema.event.c
    spent = (
        select(passed.c.held_out, event.currency, func.sum(event.amount).label("amount"))
        .select_from(_with_events(scope, passed, run.campaign.goal.revenue, horizon))
        .group_by(passed.c.held_out, passed.c.customer_id, event.currency)
        .subquery()
    )
    each = (spent.c.currency, spent.c.held_out, spent.c.amount)
    query = select(*each, func.count()).group_by(*each).order_by(spent.c.currency)
    found: dict[str, tuple[Counts, Counts]] = {}
    for currency, held_out, amount, count in scope.connection.execute(query):
        if currency is not None and amount is not None:
            found.setdefault(currency, ({}, {}))[bool(held_out)][int(amount)] = count
    return found


def _passed(scope: Scope, run: Run) -> Subquery:
    """Who passed the gates of a run, in which arm, and since when: the message was handed over then, or would have been."""
    row = schema.delivery.c
    since = func.min(func.coalesce(row.handed_at, row.settled_at)).label("since")
    treated = and_(~row.held_out, row.handed_at.is_not(None))
    held_out = and_(row.held_out, row.reason == Reason.HOLDOUT.value)
    return (
        select(row.held_out, row.customer_id, since)
        .where(row.workspace_id == scope.workspace_id, row.run_id == run.id, or_(treated, held_out))
        .group_by(row.held_out, row.customer_id)
        .subquery()
    )


def _converted(scope: Scope, run: Run, passed: Subquery, horizon: int) -> dict[bool, int]:
    if run.campaign.goal is None:
        return {}
    query = (
        select(passed.c.held_out, func.count(distinct(schema.event.c.customer_id)))
        .select_from(_with_events(scope, passed, run.campaign.goal.event, horizon))
        .group_by(passed.c.held_out)
    )
    return {bool(held_out): count for held_out, count in scope.connection.execute(query)}


def _with_events(scope: Scope, passed: Subquery, name: str, horizon: int) -> FromClause:
    """Return those who passed with their events of a name from then on and within the horizon.

    The join is an outer one, so that SQLite looks up the events of each, and does not begin with all events of the name.
    """
    event = schema.event.c
    theirs = and_(
        event.workspace_id == scope.workspace_id,
        event.customer_id == passed.c.customer_id,
        event.name == name,
        event.occurred_at > passed.c.since,
        event.occurred_at <= passed.c.since + horizon,
    )
    return passed.outerjoin(schema.event, theirs)
