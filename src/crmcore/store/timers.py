"""What is due to a run by time alone, such as that customers enter: rows that are due, found by their kind and time."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import attrs
from sqlalchemy import BigInteger, ColumnElement, Select, bindparam, select

from crmcore.model.steps import TICK
from crmcore.store import bulk, schema
from crmcore.store.scope import Scope

#: The date of a customer; a schedule, with the customer up to whom all have been let in (0: it has not begun); a customer
#: that enters again; how far customers have been looked at for dates, since the run began; a delivery (its id stands where
#: the customer's would) that is looked at, whether another channel's turn has come.
DATE, SCHEDULE, AGAIN, FILL, FALLBACK = "date", "schedule", "again", "fill", "fallback"
KINDS = (DATE, SCHEDULE, AGAIN, FILL, FALLBACK)
_COLUMNS = ("kind", "subject_id", "customer_id", "due_at")
_KEY = _COLUMNS[:-1]
_SET = "ON CONFLICT (workspace_id, kind, subject_id, customer_id) DO UPDATE SET due_at = excluded.due_at"


@attrs.frozen
class Timer:
    """A row: whom it is about, and when it is due."""

    customer_id: int
    due_at: int


def put(scope: Scope, kind: str, run_id: int, due: Mapping[int, int]) -> None:
    """Set timers of customers, whatever they were."""
    bulk.insert(scope, schema.timer, _COLUMNS, _rows(kind, run_id, due), _SET)


def put_new(scope: Scope, kind: str, run_id: int, due: Mapping[int, int]) -> None:
    """Set timers of customers who have none."""
    bulk.insert(scope, schema.timer, _COLUMNS, _rows(kind, run_id, due), bulk.NEW_ONLY)


def put_again(scope: Scope, run_id: int, span: int) -> None:
    """Set the timers of all customers of a run to a time after their last entry, on a tick."""
    bulk.run(scope, _AGAIN, {"workspace": scope.workspace_id, "run": run_id, "kind": AGAIN, "span": span, "tick": TICK})


_AGAIN = f"""INSERT INTO crm_timer (workspace_id, kind, subject_id, customer_id, due_at)
SELECT workspace_id, CAST(:kind AS TEXT), run_id, customer_id, (MAX(entered_at) + :span + :tick - 1) / :tick * :tick
FROM crm_enrolment WHERE workspace_id = :workspace AND run_id = :run AND origin_id <> 0 GROUP BY workspace_id, run_id, customer_id {_SET}"""


def _rows(kind: str, run_id: int, due: Mapping[int, int]) -> list[tuple[str, int, int, int]]:
    return [(kind, run_id, one, due_at) for one, due_at in sorted(due.items())]


def ring(scope: Scope, kind: str, which: Collection[tuple[int, int]]) -> None:
    """Let timers be due now, by run and customer; where there is none there is none to ring."""
    rows = [(scope.now, kind, *one) for one in sorted(which)]
    bulk.update(scope, schema.timer, ("due_at",), _KEY, rows)


def are_set(scope: Scope, kind: str, run_id: int) -> bool:
    """Tell whether a run has a timer of a kind, due or not."""
    row = schema.timer.c
    query = select(row.due_at).where(row.workspace_id == scope.workspace_id, row.kind == kind, row.subject_id == run_id)
    return scope.connection.execute(query.limit(1)).first() is not None


def waiting(scope: Scope, kind: str, run_id: int, customers: Collection[int]) -> set[int]:
    """Return those of customers to whom something is due by now, and has not been seen to."""
    columns, same = ("customer_id", "due_at"), {"kind": kind, "subject_id": run_id}
    rows = bulk.select_in(scope, schema.timer, columns, same, "customer_id", sorted(customers))
    return {one for one, due_at in rows if due_at <= scope.now}


def remove(scope: Scope, kind: str, run_id: int, customers: Collection[int]) -> None:
    """Let nothing be due to customers any more."""
    bulk.delete(scope, schema.timer, _KEY, [(kind, run_id, one) for one in sorted(customers)])


def clear(scope: Scope, run_id: int, kinds: Iterable[str] = KINDS) -> None:
    """Let nothing of a run be due any more, or nothing of some kinds."""
    bulk.delete(scope, schema.timer, ("kind", "subject_id"), [(kind, run_id) for kind in kinds])


def due_runs(scope: Scope) -> dict[str, list[int]]:
    """Return the runs of which timers are due, by kind: those that are due are few, and are found by their time."""
    found: dict[str, list[int]] = {}
    given = {"workspace": scope.workspace_id, "now": scope.now}
    for kind, run_id in sorted(map(tuple, scope.connection.execute(_due_kinds(), given))):
        found.setdefault(kind, []).append(run_id)
    return found


@cache
def _due_kinds() -> Select[Any]:
    row = schema.timer.c
    mine = row.workspace_id == bindparam("workspace", type_=BigInteger())
    is_due = row.due_at <= bindparam("now", type_=BigInteger())
    # Neither column as it stands: SQLite would read all there are in the order of their key, to see each pair once.
    return (
        select(row.kind.concat("").label("kind"), (row.subject_id + 0).label("run_id")).where(mine, is_due).distinct()
    )


def take_due(scope: Scope, kind: str, run_id: int, limit: int) -> list[Timer]:
    """Return those timers of a run that are due first and that nobody else is at, and hold them."""
    return [Timer(*row) for row in scope.connection.execute(due_ones(scope, kind, run_id, limit))]


def due_ones(scope: Scope, kind: str, run_id: int, limit: int) -> Select[Any]:
    """Return the select of `take_due`; they are found by their time, too."""
    row = schema.timer.c
    query = select(row.customer_id, row.due_at).where(*_due(scope, kind), row.subject_id + 0 == run_id)
    return query.order_by(row.due_at).limit(limit).with_for_update(skip_locked=True)


def _due(scope: Scope, kind: str) -> Sequence[ColumnElement[bool]]:
    row = schema.timer.c
    return row.workspace_id == scope.workspace_id, row.due_at <= scope.now, row.kind.concat("") == kind
