"""The figures of a run, counted by SQL."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Text, and_, case, cast, distinct, func, select

from crmcore.model.campaign import Goal
from crmcore.model.delivery import Reason, State
from crmcore.model.report import Arm
from crmcore.store import schema
from crmcore.store.runs import Run
from crmcore.store.scope import Scope

#: A message was handed over for these: whatever became of it, they were meant to get it.
_TREATED = (State.HANDED, State.ACCEPTED, State.DELIVERED, State.READ, State.FAILED, State.IN_DOUBT, State.DEFERRED)


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


def arms(scope: Scope, run: Run, goal: Goal | None) -> tuple[Arm, Arm]:
    """Return the treated and the held-out: all who passed the gates, and those of them who reached the goal in time.

    The time counts from the moment the message was handed over, or would have been.
    """
    row = schema.delivery.c
    treated = and_(~row.held_out, row.handed_at.is_not(None), row.state.in_([one.value for one in _TREATED]))
    held_out = and_(row.held_out, row.reason == "holdout")
    counts: dict[bool, tuple[int, int]] = {}
    for arm, which in ((True, treated), (False, held_out)):
        customers = select(func.count(distinct(row.customer_id))).where(
            row.workspace_id == scope.workspace_id, row.run_id == run.id, which
        )
        counts[arm] = (scope.connection.execute(customers).scalar_one(), _converted(scope, run, goal, which))
    return tuple(Arm(customers=count, converted=converted) for count, converted in counts.values())  # type: ignore[return-value]  # two of them


def _converted(scope: Scope, run: Run, goal: Goal | None, which: object) -> int:
    if goal is None:
        return 0
    row, event = schema.delivery.c, schema.event.c
    start = case((row.handed_at.is_not(None), row.handed_at), else_=row.settled_at)
    query = (
        select(func.count(distinct(row.customer_id)))
        .join_from(
            schema.delivery,
            schema.event,
            and_(
                event.workspace_id == scope.workspace_id,
                event.customer_id == row.customer_id,
                event.name == goal.event,
                event.occurred_at > start,
                event.occurred_at <= start + goal.window,
            ),
        )
        .where(row.workspace_id == scope.workspace_id, row.run_id == run.id, which)  # type: ignore[arg-type]  # a condition
    )
    return scope.connection.execute(query).scalar_one()
