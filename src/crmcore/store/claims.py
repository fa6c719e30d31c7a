"""Who works on which deliveries, and for how long: claims, leases, and what becomes of those of a process that died."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cache
from typing import Any

import attrs
from sqlalchemy import BigInteger, ColumnElement, Select, bindparam, exists, func, or_, select, update
from sqlalchemy.sql.dml import ReturningUpdate

from crmcore.model.delivery import Reason, State
from crmcore.model.identity import Identity
from crmcore.model.purpose import MessageClass, Purpose
from crmcore.store import bulk, moves, schema
from crmcore.store.deliveries import LEASED, WAITING, Unit
from crmcore.store.runs import GOING
from crmcore.store.scope import Scope


@attrs.frozen(kw_only=True)
class Claimed:
    """A delivery this process works on.

    Attributes: `removed` (its address is gone, or is somebody else's by now); `attempt` (which attempt this is, from 1);
    `fields` and `context` as JSON; `step` and `version` of its campaign (its run's where it says none).
    """

    id: int
    run_id: int
    customer_id: int
    origin_id: int
    enrolment_id: int
    channel: str
    address: Identity
    removed: bool
    purpose: Purpose
    message_class: MessageClass
    held_out: bool
    template_id: int
    attempt: int
    context: str | None
    handed_at: int | None
    priority: int
    due_at: int
    expires_at: int | None
    fields: str | None
    step: str
    version: int | None
    occurrence: int

    @property
    def unit(self) -> Unit:
        """What is one message, to however many addresses it goes."""
        return self.run_id, self.step, self.customer_id, self.occurrence, self.enrolment_id


@attrs.frozen
class Standing:
    """How a claimed delivery stands: whose it is, whether its address is lost, and what its run has come to."""

    customer_id: int
    removed: bool
    run_state: str


#: Statements of every window are built once; these are their workspace and values.
_MINE = bindparam("workspace", type_=BigInteger())


def due_runs(scope: Scope) -> list[int]:
    """Return the runs of which something is due, those that customers wait for first."""
    found = scope.connection.execute(_due_runs(), {"workspace": scope.workspace_id, "now": scope.now}).all()
    return [one for one, _ in sorted(found, key=lambda each: (GOING.index(each.state), each.id))]


@cache
def _due_runs() -> Select[Any]:
    run, row = schema.run.c, schema.delivery.c
    due = exists().where(row.workspace_id == _MINE, row.run_id == run.id, WAITING, row.due_at <= bindparam("now"))
    return select(run.id, run.state).where(run.workspace_id == _MINE, run.state.in_(GOING), due)


def next_due(scope: Scope) -> dict[int, int]:
    """Return when the next delivery of each run is due that is not due yet."""
    found = scope.connection.execute(_next_due(), {"workspace": scope.workspace_id, "now": scope.now}).all()
    return {run_id: due_at for run_id, due_at in found if due_at is not None}


@cache
def _next_due() -> Select[Any]:
    run, row = schema.run.c, schema.delivery.c
    later = (row.workspace_id == _MINE, row.run_id == run.id, WAITING, row.due_at > bindparam("now"))
    first = select(func.min(row.due_at)).where(*later).scalar_subquery()
    return select(run.id, first).where(run.workspace_id == _MINE, run.state.in_(GOING))


def claim(scope: Scope, run_id: int, owner: str, *, limit: int, lease_until: int) -> list[Claimed]:
    """Take the deliveries of a run that are due first; nobody else takes them until the lease ends.

    Those whose address is known no more are skipped on the way.
    """
    while ids := _take(scope, run_id, owner, limit=limit, lease_until=lease_until):
        found = _claimed(scope, ids)
        lost = set(ids) - {one.id for one in found}
        moves.skip(scope, [(one, Reason.NO_ADDRESS.value) for one in sorted(lost)])
        if found:
            return found
    return []


def _take(scope: Scope, run_id: int, owner: str, *, limit: int, lease_until: int) -> list[int]:
    values = {"workspace": scope.workspace_id, "run": run_id, "now": scope.now, "most": limit}
    given = {**values, "owner": owner, "until": lease_until}
    return sorted(scope.connection.execute(_taking(scope.connection.dialect.name), given).scalars().all())


@cache
def _taking(dialect: str) -> ReturningUpdate[Any]:
    row = schema.delivery.c
    due = (
        select(row.id)
        .where(row.workspace_id == _MINE, row.run_id == bindparam("run"), WAITING, row.due_at <= bindparam("now"))
        .order_by(row.due_at, row.id)
        .limit(bindparam("most"))
        .with_for_update(skip_locked=True)
        .cte("due")  # looked through once: PostgreSQL would take a limit anew for every row it compares
    )
    return (
        update(schema.delivery)
        .where(bulk.workspace_aside(dialect, schema.delivery) == _MINE, row.id.in_(select(due.c.id)))
        .values(state=State.CLAIMED.value, claimed_by=bindparam("owner"), lease_until=bindparam("until"))
        .returning(row.id)
    )


def _claimed(scope: Scope, ids: Sequence[int]) -> list[Claimed]:
    given = {"workspace": scope.workspace_id, "ids": bulk.listed(scope, ids)}
    found = scope.connection.execute(_claimed_ones(scope.connection.dialect.name), given).all()
    return [_value(*one) for one in found]


@cache
def _claimed_ones(dialect: str) -> Select[Any]:
    row, address = schema.delivery.c, schema.identity.c
    return (
        select(*(row[name] for name in _COLUMNS), row.attempt + 1, address.kind, address.value, _is_removed())
        .join_from(schema.delivery, schema.identity, address.id == row.address_id)
        .where(bulk.workspace_aside(dialect, schema.delivery) == _MINE, bulk.one_of(dialect, row.id, "ids"))
        .where(address.workspace_id == _MINE)
        .order_by(row.id)
    )


_COLUMNS = (
    "id",
    "run_id",
    "customer_id",
    "origin_id",
    "enrolment_id",
    "channel",
    "purpose",
    "message_class",
    "held_out",
    "template_id",
    "context",
    "handed_at",
    "priority",
    "due_at",
    "expires_at",
    "fields",
    "step",
    "version",
    "occurrence",
)


def _value(*row: Any) -> Claimed:
    *columns, attempt, kind, value, removed = row
    said = dict(zip(_COLUMNS, columns, strict=True))
    said["purpose"] = Purpose(said["purpose"])
    said["message_class"] = MessageClass(said["message_class"])
    return Claimed(**said, attempt=attempt, address=Identity(kind, value), removed=bool(removed))


def _is_removed() -> ColumnElement[bool]:
    address = schema.identity.c
    return address.removed_at.is_not(None) | (address.customer_id != schema.delivery.c.customer_id)


def standing(scope: Scope, owner: str, ids: Sequence[int]) -> dict[int, Standing]:
    """Return how those of the deliveries stand that are claimed by an owner still, and lock them."""
    given = {"workspace": scope.workspace_id, "ids": bulk.listed(scope, ids), "owner": owner}
    rows = scope.connection.execute(_standing_ones(scope.connection.dialect.name), given).all()
    return {one: Standing(customer_id, bool(removed), state) for one, customer_id, removed, state in rows}


@cache
def _standing_ones(dialect: str) -> Select[Any]:
    row, address, run = schema.delivery.c, schema.identity.c, schema.run.c
    return (
        select(row.id, row.customer_id, _is_removed(), run.state)
        .join_from(schema.delivery, schema.identity, address.id == row.address_id)
        .join(schema.run, run.id == row.run_id)
        .where(bulk.workspace_aside(dialect, schema.delivery) == _MINE, bulk.one_of(dialect, row.id, "ids"))
        .where(row.state == State.CLAIMED.value, row.claimed_by == bindparam("owner"))
        .where(address.workspace_id == _MINE, run.workspace_id == _MINE)
        .order_by(row.id)
        .with_for_update(of=schema.delivery)
    )


def renew(scope: Scope, owner: str, ids: Collection[int], lease_until: int) -> None:
    """Say that an owner still works on deliveries."""
    rows = [(lease_until, one, owner) for one in sorted(ids)]
    bulk.run_many(scope, _RENEW, rows)


_RENEW = """UPDATE crm_delivery SET lease_until = : WHERE workspace_id = @ AND id = : AND claimed_by = :
AND state IN ('claimed', 'handed')"""


def release(scope: Scope, owner: str, ids: Collection[int]) -> None:
    """Give claims back of which nothing has been handed over."""
    bulk.run_many(scope, _RELEASE, [(one, owner) for one in sorted(ids)])


_RELEASE = """UPDATE crm_delivery SET state = 'planned', claimed_by = NULL, lease_until = NULL
WHERE workspace_id = @ AND id = : AND claimed_by = : AND state = 'claimed'"""


def recover(scope: Scope) -> None:
    """Take back what a process left when it died: unsent goes again; sent or not, the message class decides."""
    row = schema.delivery.c
    lapsed = (row.workspace_id == scope.workspace_id, row.lease_until <= scope.now)
    marketing = row.message_class == MessageClass.MARKETING.value
    again = or_(row.state == State.CLAIMED.value, (row.state == State.HANDED.value) & ~marketing)
    doubtful = (row.state == State.HANDED.value) & marketing
    moved = update(schema.delivery).where(*lapsed, LEASED)
    scope.connection.execute(moved.where(again).values(state=State.PLANNED.value, claimed_by=None, lease_until=None))
    left = {"state": State.IN_DOUBT.value, "reason": LEASE_ENDED, "settled_at": scope.now}
    scope.connection.execute(moved.where(doubtful).values(lease_until=None, **left))


#: Why a delivery is in doubt of which nothing was heard since it was handed over.
LEASE_ENDED = "no answer before the lease ended"


def hold_contacts(scope: Scope, customers: Collection[int]) -> None:
    """Lock the contact_state rows of customers, waiting for whoever has them: nothing of them is handed over meanwhile."""
    if customers:
        columns, rows = ("customer_id",), schema.contact_state
        bulk.select_held(scope, rows, columns, {}, "customer_id", sorted(customers), "FOR UPDATE")


def lock_contacts(scope: Scope, customers: Collection[int], *, exclusive: bool) -> set[int]:
    """Lock the contact_state rows of customers in the order of their ids; return those that nobody is writing just now.

    Where caps are counted nobody else may count meanwhile: then the lock is `exclusive`, from the start and for all.
    """
    if scope.connection.dialect.name == "sqlite":
        return set(customers)
    row = schema.contact_state.c
    query = (
        select(row.customer_id)
        .where(row.workspace_id == scope.workspace_id, bulk.among(scope, row.customer_id, sorted(customers)))
        .order_by(row.customer_id)
        .with_for_update(skip_locked=True, read=not exclusive)
    )
    return set(scope.connection.execute(query).scalars().all())
