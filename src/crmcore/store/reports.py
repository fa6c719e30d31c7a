"""The figures of a run, counted by SQL."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    Subquery,
    Text,
    and_,
    case,
    cast,
    distinct,
    func,
    or_,
    select,
)

from crmcore.model.delivery import BOOKS, Book, Reason, State
from crmcore.model.lift import Arm
from crmcore.store import bulk, schema
from crmcore.store.runs import Run
from crmcore.store.scope import Scope

#: How many messages there are in each state, by reason.
States = Mapping[tuple[State, str], int]
#: How many customers spent each amount.
Counts = dict[int, int]


def states(scope: Scope, run_id: int) -> Mapping[str, States]:
    """Return by step how many messages of a run are in each state, by reason; another stands for a rerouted one.

    A message to several addresses counts once, by what counts first of them in the books.
    """
    row = schema.delivery.c
    unit = (row.step, row.customer_id, row.occurrence)
    which = (
        row.workspace_id == scope.workspace_id,
        row.run_id == run_id,
        row.reason.not_like(f"{Reason.REROUTED.value}%"),
    )
    first = select(row.step, func.min(_STANDING).label("standing")).where(*which).group_by(*unit).subquery()
    each = (first.c.step, first.c.standing)
    found: dict[str, dict[tuple[State, str], int]] = {}
    for step, standing, count in scope.connection.execute(select(*each, func.count()).group_by(*each)):
        state, _, reason = standing[1:].partition(" ")
        found.setdefault(step, {})[State(state), reason] = count
    return found


#: The place of a state in the books, the state, and the reason: the least of several is what counts.
_STANDING = (
    case(
        *(
            (schema.delivery.c.state == state.value, f"{list(Book).index(book)}{state.value} ")
            for state, book in BOOKS.items()
        )
    )
    + schema.delivery.c.reason
)


def receipts(scope: Scope, run: Run) -> Mapping[str, int]:
    """Return how many messages of a run were delivered, read, opened and clicked, as receipts say; machines are left out."""
    row, said = schema.delivery.c, schema.receipt.c
    came = [func.max(case((said.type.in_(types), 1), else_=0)).label(what) for what, types in _CAME.items()]
    units = (
        select(*came)
        .join_from(schema.delivery, schema.receipt, said.delivery_id == row.id)
        .where(
            row.workspace_id == scope.workspace_id,
            said.workspace_id == scope.workspace_id,
            row.run_id == run.id,
            ~said.machine,
        )
        .group_by(row.step, row.customer_id, row.occurrence)
        .subquery()
    )
    query = select(*(func.coalesce(func.sum(units.c[what]), 0) for what in _CAME))
    return dict(zip(_CAME, map(int, scope.connection.execute(query).one()), strict=True))


#: The types of receipts that say what came of a message: what was read had been delivered.
_CAME = {"delivered": ("delivered", "read"), "read": ("read",), "opened": ("opened",), "clicked": ("clicked",)}


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


def arms(scope: Scope, passed: Subquery, event: str | None, horizon: int) -> dict[Hashable, Arm]:
    """Return the arms of those who passed, and of each who had an event (a goal) within the horizon."""
    is_over = case((passed.c.since <= scope.now - horizon, 1), else_=0)
    query = select(passed.c.arm, func.count(), func.sum(is_over)).group_by(passed.c.arm)
    converted = {} if event is None else _converted(scope, passed, event, horizon)
    return {
        arm: Arm(customers=customers, converted=converted.get(arm, 0), complete=int(over))
        for arm, customers, over in scope.connection.execute(query)
    }


def amounts(scope: Scope, passed: Subquery, event: str, horizon: int) -> dict[str, dict[Hashable, Counts]]:
    """Return by currency and arm how many spent how much in events of a name within the horizon (minor units)."""
    row = schema.event.c
    spent = (
        select(passed.c.arm, row.currency, func.sum(row.amount).label("amount"))
        .select_from(_with_events(scope, passed, event, horizon))
        .group_by(passed.c.arm, passed.c.customer_id, row.currency)
        .subquery()
    )
    each = (spent.c.currency, spent.c.arm, spent.c.amount)
    query = select(*each, func.count()).group_by(*each).order_by(spent.c.currency)
    found: dict[str, dict[Hashable, Counts]] = {}
    for currency, arm, amount, count in scope.connection.execute(query):
        if currency is not None and amount is not None:
            found.setdefault(currency, {}).setdefault(arm, {})[int(amount)] = count
    return found


def passed(scope: Scope, run: Run) -> Subquery:
    """Return who passed the gates of a run, whether held out (`arm`), and since when: the message went then, or would have.

    Of steps the arm is that of the way: whoever one step holds out is treated by the campaign.
    """
    row, way = schema.delivery.c, schema.enrolment.c
    arm = row.held_out if run.campaign.is_broadcast else way.held_out
    query = select(arm.label("arm"), row.customer_id, _since())
    if not run.campaign.is_broadcast:
        query = query.join_from(schema.delivery, schema.enrolment, way.id == row.enrolment_id)
        query = query.where(bulk.mine_by_id(scope, schema.enrolment))
    return _grouped(query.where(row.workspace_id == scope.workspace_id, row.run_id == run.id, _HAS_PASSED), arm)


def passed_step(scope: Scope, run: Run, step: str) -> Subquery:
    """Return the same of one step, of those whom the campaign holds not out: whether the step holds them out is their arm."""
    row, way = schema.delivery.c, schema.enrolment.c
    query = (
        select(row.held_out.label("arm"), row.customer_id, _since())
        .join_from(schema.delivery, schema.enrolment, way.id == row.enrolment_id)
        .where(row.workspace_id == scope.workspace_id, bulk.mine_by_id(scope, schema.enrolment))
        .where(row.run_id == run.id, row.step == step, ~way.held_out, _HAS_PASSED)
    )
    return _grouped(query, row.held_out)


#: Of customers who were erased nobody knows what they did next: arms are compared without them.
_IS_KNOWN = schema.delivery.c.origin_id != 0
_HAS_PASSED = or_(
    and_(_IS_KNOWN, ~schema.delivery.c.held_out, schema.delivery.c.handed_at.is_not(None)),
    and_(_IS_KNOWN, schema.delivery.c.held_out, schema.delivery.c.reason == Reason.HOLDOUT.value),
)


def _since() -> ColumnElement[int]:
    row = schema.delivery.c
    return func.min(func.coalesce(row.handed_at, row.settled_at)).label("since")


def _grouped(query: Select[Any], arm: ColumnElement[Any]) -> Subquery:
    return query.group_by(arm, schema.delivery.c.customer_id).subquery()


def _converted(scope: Scope, passed: Subquery, event: str, horizon: int) -> dict[Hashable, int]:
    query = (
        select(passed.c.arm, func.count(distinct(schema.event.c.customer_id)))
        .select_from(_with_events(scope, passed, event, horizon))
        .group_by(passed.c.arm)
    )
    return {arm: count for arm, count in scope.connection.execute(query)}


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
