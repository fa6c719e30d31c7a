"""Who is on the way through a run, where each stands, and when it goes on."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import attrs
from sqlalchemy import ColumnElement, Select, func, select, update

from crmcore.store import bulk, schema
from crmcore.store.scope import Scope

RUNNING, COMPLETED, EXITED = "running", "completed", "exited"
#: Why the way of a key ended where another of it began.
RESTARTED = "restarted"


@attrs.frozen
class Enrolment:
    """A customer's way through a run, as its row has it; `seed` draws its variants, `path` is where it has been."""

    id: int
    run_id: int
    customer_id: int
    origin_id: int
    key: str
    occurrence: int
    version: int
    step: str
    state: str
    seed: str
    held_out: bool
    entered_at: int
    due_at: int | None
    left_at: int | None
    reason: str | None
    next: str
    path: str


#: A tuple of this many columns is what `enrol` takes and what is read.
_COLUMNS = (
    "id",
    "run_id",
    "customer_id",
    "origin_id",
    "key",
    "occurrence",
    "version",
    "step",
    "state",
    "arm",
    "held_out",
    "entered_at",
    "due_at",
    "left_at",
    "reason",
    "next",
    "path",
)


_FIELDS = tuple(field.name for field in attrs.fields(Enrolment))


def add(scope: Scope, enrolments: Sequence[Enrolment]) -> None:
    """Write enrolments that are new; one that is there already stays as it is."""
    rows = [attrs.astuple(one, recurse=False) for one in enrolments]
    bulk.insert(scope, schema.enrolment, _COLUMNS, rows, bulk.NEW_ONLY)


def of_customers(scope: Scope, run_id: int, customers: Collection[int]) -> list[Enrolment]:
    """Return the enrolments of customers in a run, the earliest first."""
    found = bulk.select_in(scope, schema.enrolment, _COLUMNS, {"run_id": run_id}, "customer_id", sorted(customers))
    return sorted((_read(row) for row in found), key=lambda one: (one.entered_at, one.id))


def of_customer(scope: Scope, customer_id: int) -> list[Enrolment]:
    """Return the enrolments of a customer in all runs, the earliest first."""
    found = bulk.select_in(scope, schema.enrolment, _COLUMNS, {}, "customer_id", [customer_id])
    return sorted((_read(row) for row in found), key=lambda one: (one.entered_at, one.id))


def of_joined(scope: Scope, run_id: int, customers: Collection[int]) -> list[Enrolment]:
    """Return those enrolments in a run of customers of which others have become a part, now or before."""
    merged = bulk.select_in(scope, schema.merge, ("into_id",), {}, "into_id", sorted(customers))
    return of_customers(scope, run_id, {one for (one,) in merged}) if merged else []


def due_runs(scope: Scope, runs: Collection[int]) -> list[int]:
    """Return those of runs in which somebody is due."""
    run = schema.run.c
    query = select(run.id).where(run.workspace_id == scope.workspace_id, run.id.in_(sorted(runs)), _is_due(scope))
    return list(scope.connection.execute(query.order_by(run.id)).scalars())


def _is_due(scope: Scope) -> ColumnElement[bool]:
    return of_each_run(scope, schema.enrolment.c.due_at <= scope.now)


def of_each_run(scope: Scope, which: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return that a run has an enrolment that is so.

    Each run is looked up by itself: but for the offset PostgreSQL would rather read who is under way in all of them.
    """
    row = schema.enrolment.c
    mine = select(row.id).where(row.workspace_id == scope.workspace_id, row.run_id == schema.run.c.id, which)
    return mine.offset(0).correlate(schema.run).exists()


def under_way(scope: Scope, run_id: int) -> bool:
    """Tell whether somebody in a run waits for a time."""
    query = select(schema.enrolment.c.id).where(*_under_way(scope, run_id))
    return scope.connection.execute(query.limit(1)).first() is not None


def due_count(scope: Scope, run_id: int) -> int:
    """Return how many of a run are due."""
    row = schema.enrolment.c
    mine = (row.workspace_id == scope.workspace_id, row.run_id == run_id, row.due_at <= scope.now)
    return scope.connection.execute(select(func.count()).select_from(schema.enrolment).where(*mine)).scalar_one()


def take_due(scope: Scope, run_id: int, limit: int) -> list[Enrolment]:
    """Return those of a run who are due first and whom nobody else is moving, and hold them."""
    rows = scope.connection.execute(due_ones(scope, run_id, limit)).all()
    return [_read(row) for row in rows]


def due_ones(scope: Scope, run_id: int, limit: int) -> Select[Any]:
    """Return the select of `take_due`."""
    row = schema.enrolment.c
    mine = (row.workspace_id == scope.workspace_id, row.run_id == run_id, row.due_at <= scope.now)
    query = select(*(row[name] for name in _COLUMNS)).where(*mine)
    return query.order_by(row.due_at, row.id).limit(limit).with_for_update(skip_locked=True)


@attrs.frozen(kw_only=True)
class Moved:
    """Where an enrolment stands from now on."""

    id: int
    step: str
    next: str
    due_at: int | None
    path: str


def move(scope: Scope, moved: Sequence[Moved]) -> None:
    """Write where enrolments have come to; without a time to go on, their way is over."""
    rows = [
        (
            RUNNING if one.due_at is not None else COMPLETED,
            one.step,
            one.next,
            one.due_at,
            None if one.due_at is not None else scope.now,
            one.path,
            one.id,
        )
        for one in moved
    ]
    columns = ("state", "step", "next", "due_at", "left_at", "path")
    bulk.update_all(scope, schema.enrolment, columns, ("id",), rows, _IS_RUNNING)


_IS_RUNNING = "crm_enrolment.state = 'running'"
#: Of one that has come to its end a message may wait still.
_IS_OPEN = "crm_enrolment.state IN ('running', 'completed')"


def end(scope: Scope, ended: Sequence[tuple[int, str]]) -> None:
    """End ways, each for a reason; what was planned for them goes no more."""
    rows = [(EXITED, scope.now, reason, None, one) for one, reason in ended]
    bulk.update_all(scope, schema.enrolment, ("state", "left_at", "reason", "due_at"), ("id",), rows, _IS_OPEN)


def wake(scope: Scope, woken: Sequence[tuple[int, str]]) -> None:
    """Let enrolments that wait for an event go on now, each to a step."""
    rows = [(to, scope.now, one) for one, to in woken]
    bulk.update_all(scope, schema.enrolment, ("next", "due_at"), ("id",), rows, _IS_RUNNING)


def put_off(scope: Scope, ids: Sequence[int], until: int) -> None:
    """Let enrolments wait where they stand."""
    bulk.update_all(scope, schema.enrolment, ("due_at",), ("id",), [(until, one) for one in ids], _IS_RUNNING)


@attrs.frozen
class Place:
    """Where customers under way stand: at a step of a version."""

    version: int
    step: str


@attrs.frozen(kw_only=True)
class Shift:
    """Whoever stands at a place is on another version from now on, at one of its steps; it goes on when it was to, or at once."""

    place: Place
    version: int
    step: str
    next: str
    is_at_once: bool = False


def places(scope: Scope, run_id: int) -> dict[Place, int]:
    """Return how many of those under way in a run stand where."""
    row = schema.enrolment.c
    query = select(row.version, row.step, func.count()).where(*_under_way(scope, run_id))
    rows = scope.connection.execute(query.group_by(row.version, row.step).order_by(row.version, row.step))
    return {Place(version, step): count for version, step, count in rows}


def versions(scope: Scope, run_id: int) -> set[int]:
    """Return the versions that those under way in a run are on."""
    return {place.version for place in places(scope, run_id)}


def shift(scope: Scope, run_id: int, shift: Shift) -> int:
    """Move all who stand at a place; return how many that were."""
    row = schema.enrolment.c
    there = (*_under_way(scope, run_id), row.version == shift.place.version, row.step == shift.place.step)
    moved: dict[str, object] = {"version": shift.version, "step": shift.step, "next": shift.next}
    if shift.is_at_once:
        moved["due_at"] = scope.now
    return scope.connection.execute(update(schema.enrolment).where(*there).values(**moved)).rowcount


def _under_way(scope: Scope, run_id: int) -> tuple[ColumnElement[bool], ...]:
    row = schema.enrolment.c
    return (row.workspace_id == scope.workspace_id, row.run_id == run_id, row.due_at.is_not(None))


def end_all(scope: Scope, run_id: int, reason: str, limit: int) -> int:
    """End the ways of a run that are not over; return how many."""
    row = schema.enrolment.c
    query = select(row.id).where(*_under_way(scope, run_id)).order_by(row.id).limit(limit).with_for_update()
    ids = list(scope.connection.execute(query).scalars())
    end(scope, [(one, reason) for one in ids])
    return len(ids)


def _read(row: Sequence[Any]) -> Enrolment:
    known = dict(zip(_FIELDS, row, strict=True))
    return Enrolment(**known | {"next": known["next"] or "", "path": known["path"] or ""})
