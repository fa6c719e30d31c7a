"""The figures of a run of steps, counted by SQL: who is where, what became of messages, who came by which arm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
from sqlalchemy import BigInteger, ColumnElement, Integer, Subquery, and_, case, cast, distinct, func, literal, select

from crmcore.model.attribution import Touch
from crmcore.model.purpose import MessageClass
from crmcore.model.steps import Split
from crmcore.store import schema
from crmcore.store.reports import Counts
from crmcore.store.runs import Run
from crmcore.store.scope import Scope

#: A path says times in microseconds: so many digits, from 2001 to 2286.
_DIGITS = 16


@attrs.frozen(kw_only=True)
class Counted:
    """So many ways of a run have come to a state, for a reason ("" for none); `held_out` tells which of them."""

    state: str
    reason: str
    held_out: bool
    count: int


def ways(scope: Scope, run_id: int) -> list[Counted]:
    """Return how many ways of a run there are, by what has become of them."""
    row = schema.enrolment.c
    each = (row.state, row.reason, row.held_out)
    query = select(*each, func.count()).where(*_of_run(scope, row, run_id)).group_by(*each)
    return [
        Counted(state=state, reason=reason or "", held_out=held_out, count=count)
        for state, reason, held_out, count in scope.connection.execute(query)
    ]


def customers(scope: Scope, run_id: int) -> int:
    """Return how many customers have ever entered a run."""
    row = schema.enrolment.c
    query = select(func.count(distinct(row.customer_id))).where(*_of_run(scope, row, run_id))
    return scope.connection.execute(query).scalar_one()


def standing(scope: Scope, run_id: int) -> dict[str, int]:
    """Return how many of a run stand at each step; under "" those who are at none yet."""
    row = schema.enrolment.c
    query = select(row.step, func.count()).where(*_of_run(scope, row, run_id), row.due_at.is_not(None))
    return {step: count for step, count in scope.connection.execute(query.group_by(row.step))}


def refused(scope: Scope, run_id: int) -> dict[str, int]:
    """Return how many customers may not enter a run, or not again, by reason."""
    row = schema.refusal.c
    query = select(row.reason, func.count()).where(*_of_run(scope, row, run_id)).group_by(row.reason)
    return {reason: count for reason, count in scope.connection.execute(query.order_by(row.reason))}


def by_arm(scope: Scope, run_id: int, split: Split) -> Subquery:
    """Return whom a split gave which arm, and since when; those whom the campaign holds out are left out."""
    row = schema.enrolment.c
    path = literal(" ") + row.path
    tokens = {arm.name: f" {split.name}:{arm.name}@" for arm in split.arms}
    places = {name: _place(scope, path, token) for name, token in tokens.items()}
    arm = case(*((place > 0, literal(name)) for name, place in places.items()))
    times = {name: func.substr(path, places[name] + len(token), _DIGITS) for name, token in tokens.items()}
    since = case(*((place > 0, cast(times[name], BigInteger)) for name, place in places.items()))
    came = (
        select(arm.label("arm"), row.customer_id, since.label("since"))
        .where(*_of_run(scope, row, run_id), ~row.held_out, row.path.is_not(None), row.origin_id != 0)
        .subquery()
    )
    mine = (came.c.arm, came.c.customer_id)
    query = select(*mine, func.min(came.c.since).label("since")).where(came.c.arm.is_not(None))
    return query.group_by(*mine).subquery()


def _place(scope: Scope, text: ColumnElement[str], token: str) -> ColumnElement[int]:
    """Return where a token begins in a text, from 1; 0 where it is not there."""
    find = func.strpos if scope.connection.dialect.name == "postgresql" else func.instr
    return find(text, token, type_=Integer())


def touches(scope: Scope, run_id: int, event: str, window: int) -> list[Touch]:
    """Return the messages of a run before each event of a name, no longer ago than a window (microseconds).

    The join is an outer one for SQLite, as that of reports is; a call keeps it from being taken for an inner one.
    """
    row, happened = schema.delivery.c, schema.event.c
    theirs = and_(
        happened.workspace_id == scope.workspace_id,
        happened.customer_id == row.customer_id,
        happened.name == event,
        happened.occurred_at > row.handed_at,
        happened.occurred_at <= row.handed_at + window,
    )
    message = (happened.id, row.customer_id, row.step, row.occurrence, row.arm, happened.amount, happened.currency)
    # A message to several addresses is one touch.
    first = (func.min(row.id), func.min(row.handed_at))
    columns = (row.customer_id, first[1], row.step, row.arm, happened.amount, happened.currency)
    query = (
        select(happened.id, first[0], *columns)
        .select_from(schema.delivery.outerjoin(schema.event, theirs))
        .where(*_of_run(scope, row, run_id), row.handed_at.is_not(None), ~row.held_out)
        .where(func.coalesce(happened.id, 0) != 0)
        .group_by(*message)
    )
    return [Touch(**dict(zip(_TOUCH, one, strict=True))) for one in scope.connection.execute(query)]


_TOUCH = tuple(field.name for field in attrs.fields(Touch))


def others(scope: Scope, run: Run, passed: Subquery, horizon: int) -> dict[bool, Counts]:
    """Return by arm how many of those who passed got how many marketing messages of other runs within the horizon."""
    row = schema.delivery.c
    theirs = and_(
        row.workspace_id == scope.workspace_id,
        row.customer_id == passed.c.customer_id,
        row.handed_at.is_not(None),
        row.handed_at > passed.c.since,
        row.handed_at <= passed.c.since + horizon,
        row.run_id != run.id,
        row.message_class == MessageClass.MARKETING.value,
    )
    units = (
        select(passed.c.arm, passed.c.customer_id, row.run_id, row.step, row.occurrence)
        .distinct()
        .select_from(passed.outerjoin(schema.delivery, theirs))
        .subquery()
    )
    each = (
        select(units.c.arm, units.c.customer_id, func.count(units.c.run_id).label("messages"))
        .group_by(units.c.arm, units.c.customer_id)
        .subquery()
    )
    query = select(each.c.arm, each.c.messages, func.count()).group_by(each.c.arm, each.c.messages)
    found: dict[bool, Counts] = {False: {}, True: {}}
    for arm, messages, count in scope.connection.execute(query):
        found[bool(arm)][messages] = count
    return found


def _of_run(scope: Scope, row: Any, run_id: int) -> Sequence[ColumnElement[bool]]:
    return row.workspace_id == scope.workspace_id, row.run_id == run_id
