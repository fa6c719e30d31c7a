"""The ledger's rows: planned, claimed, handed over, settled. Every move names the states it may come from."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import attrs
from sqlalchemy import ColumnElement, TextClause, func, or_, select, text, update

from crmcore.model.delivery import MOVES, Reason, State
from crmcore.model.identity import Identity
from crmcore.model.purpose import MessageClass, Purpose
from crmcore.store import bulk, schema
from crmcore.store.scope import Scope

#: As the partial indexes over these rows have it: with bound values no planner would know that they serve.
_WAITING = text("crm_delivery.state IN ('planned', 'deferred')")
_LEASED = text("crm_delivery.state IN ('claimed', 'handed')")
_HOLD = (
    "UPDATE crm_delivery SET state = 'planned', due_at = :, attempt = attempt - 1"
    " WHERE workspace_id = @ AND id = : AND state = 'claimed'"
)
_PLANNED = (
    "id",
    "run_id",
    "step",
    "customer_id",
    "origin_id",
    "channel",
    "address_id",
    "occurrence",
    "enrolment_id",
    "purpose",
    "message_class",
    "state",
    "reason",
    "held_out",
    "arm",
    "template_id",
    "attempt",
    "priority",
    "planned_at",
    "due_at",
    "expires_at",
    "settled_at",
)


@attrs.frozen(kw_only=True)
class Planned:
    """A delivery to be; without an address it is skipped at once."""

    run_id: int
    step: str
    customer_id: int
    enrolment_id: int
    channel: str
    address_id: int
    purpose: Purpose
    message_class: MessageClass
    held_out: bool
    template_id: int
    expires_at: int


@attrs.frozen(kw_only=True)
class Claimed:
    """A delivery this process works on; `removed` tells that its address is gone, or is somebody else's by now."""

    id: int
    run_id: int
    customer_id: int
    origin_id: int
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
    expires_at: int | None = None


@attrs.frozen(kw_only=True)
class DeliveryView:
    """A row of the ledger as a host sees it; times in microseconds UTC."""

    id: int
    customer_id: int
    key: str | None
    channel: str
    state: str
    reason: str
    held_out: bool
    attempt: int
    planned_at: int
    settled_at: int | None


@attrs.frozen(kw_only=True)
class Handing:
    """A delivery about to be handed over, with its context frozen as JSON."""

    id: int
    context: str


@attrs.frozen(kw_only=True)
class Settled:
    """Where a delivery goes from `handed`, and why; `due_at` where it waits again."""

    id: int
    state: State
    reason: str = ""
    provider_id: str | None = None
    due_at: int | None = None


def plan(scope: Scope, planned: Sequence[Planned]) -> None:
    """Write deliveries; one that is there already stays as it is."""
    rows = [
        (
            new_id,
            one.run_id,
            one.step,
            one.customer_id,
            one.customer_id,
            one.channel,
            one.address_id,
            1,
            one.enrolment_id,
            one.purpose.value,
            one.message_class.value,
            (State.PLANNED if one.address_id else State.SKIPPED).value,
            "" if one.address_id else Reason.NO_ADDRESS.value,
            one.held_out,
            "",
            one.template_id,
            0,
            0,
            scope.now,
            scope.now,
            one.expires_at,
            None if one.address_id else scope.now,
        )
        for new_id, one in zip(scope.new_ids(len(planned)), planned, strict=True)
    ]
    bulk.insert(scope, schema.delivery, _PLANNED, rows, "ON CONFLICT DO NOTHING")


def claim(scope: Scope, owner: str, *, limit: int, lease_until: int) -> list[Claimed]:
    """Take the deliveries due first; nobody else takes them until the lease ends.

    Those whose address is known no more are skipped on the way.
    """
    while ids := _take(scope, owner, limit=limit, lease_until=lease_until):
        found = _claimed(scope, ids)
        lost = set(ids) - {one.id for one in found}
        skip(scope, [(one, Reason.NO_ADDRESS.value) for one in sorted(lost)])
        if found:
            return found
    return []


def _take(scope: Scope, owner: str, *, limit: int, lease_until: int) -> list[int]:
    row = schema.delivery.c
    due = (
        select(row.id)
        .where(
            row.workspace_id == scope.workspace_id,
            _WAITING,
            row.due_at <= scope.now,
        )
        .order_by(row.due_at, row.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    taken = (
        update(schema.delivery)
        .where(bulk.mine_by_id(scope, schema.delivery), row.id.in_(due))
        .values(state=State.CLAIMED.value, claimed_by=owner, lease_until=lease_until, attempt=row.attempt + 1)
        .returning(row.id)
    )
    return sorted(scope.connection.execute(taken).scalars())


def _claimed(scope: Scope, ids: Sequence[int]) -> list[Claimed]:
    row, address = schema.delivery.c, schema.identity.c
    query = (
        select(
            row.id,
            row.run_id,
            row.customer_id,
            row.origin_id,
            row.channel,
            address.kind,
            address.value,
            address.removed_at.is_not(None) | (address.customer_id != row.customer_id),
            row.purpose,
            row.message_class,
            row.held_out,
            row.template_id,
            row.attempt,
            row.context,
            row.handed_at,
            row.expires_at,
        )
        .join_from(schema.delivery, schema.identity, address.id == row.address_id)
        .where(row.workspace_id == scope.workspace_id, address.workspace_id == scope.workspace_id, row.id.in_(ids))
        .order_by(row.id)
    )
    return [
        Claimed(
            id=one,
            run_id=run_id,
            customer_id=customer_id,
            origin_id=origin_id,
            channel=channel,
            address=Identity(kind, value),
            removed=bool(removed),
            purpose=Purpose(purpose),
            message_class=MessageClass(message_class),
            held_out=held_out,
            template_id=template_id,
            attempt=attempt,
            context=context,
            handed_at=handed_at,
            expires_at=expires_at,
        )
        for (
            one,
            run_id,
            customer_id,
            origin_id,
            channel,
            kind,
            value,
            removed,
            purpose,
            message_class,
            held_out,
            template_id,
            attempt,
            context,
            handed_at,
            expires_at,
        ) in scope.connection.execute(query)
    ]


def skip(scope: Scope, reasons: Sequence[tuple[int, str]]) -> None:
    """End claimed deliveries without sending, each with its reason."""
    rows = [(State.SKIPPED.value, reason, scope.now, one) for one, reason in reasons]
    _move(scope, State.CLAIMED, ("state", "reason", "settled_at"), rows)


def hold(scope: Scope, until: Sequence[tuple[int, int]]) -> None:
    """Put claimed deliveries back, due again at a time; nothing was attempted."""
    rows = [(due_at, one) for one, due_at in until]
    bulk.run_many(scope, _HOLD, rows)


def refuse(scope: Scope, reasons: Sequence[tuple[int, str]]) -> None:
    """Fail claimed deliveries of which no message could be made."""
    rows = [(State.FAILED.value, reason, scope.now, one) for one, reason in reasons]
    _move(scope, State.CLAIMED, ("state", "reason", "settled_at"), rows)


def hand(scope: Scope, handings: Sequence[Handing], provider: str, *, lease_until: int) -> None:
    """Note, before the first byte leaves, that these are being handed over; the first time stays."""
    columns = ("state", "context", "provider", "handed_at", "lease_until")
    rows = [(State.HANDED.value, one.context, provider, scope.now, lease_until, one.id) for one in handings]
    _move(scope, State.CLAIMED, columns, rows)


def settle(scope: Scope, settled: Sequence[Settled]) -> None:
    """Write what became of deliveries that were handed over."""
    done = [(one.state.value, one.reason, one.provider_id, scope.now, one.id) for one in settled if one.due_at is None]
    _move(scope, State.HANDED, ("state", "reason", "provider_id", "settled_at"), done)
    again = [(one.state.value, one.reason, one.due_at, one.id) for one in settled if one.due_at is not None]
    _move(scope, State.HANDED, ("state", "reason", "due_at"), again)


def amend(scope: Scope, moved: Sequence[tuple[int, State, str]]) -> None:
    """Move deliveries as receipts say, where that move is allowed; anything else is left as it is."""
    for state in sorted({state for _, state, _ in moved}):
        rows = [(state.value, reason, scope.now, one) for one, wanted, reason in moved if wanted is state]
        bulk.run_many(scope, _amend(state), rows)


def expire(scope: Scope) -> None:
    """End what waits and may not go any more."""
    row = schema.delivery.c
    scope.connection.execute(
        update(schema.delivery)
        .where(
            row.workspace_id == scope.workspace_id,
            _WAITING,
            row.due_at <= scope.now,
            row.expires_at <= scope.now,
        )
        .values(state=State.EXPIRED.value, settled_at=scope.now)
    )


def recover(scope: Scope) -> None:
    """Take back what a process left when it died: unsent goes again; sent or not, the message class decides."""
    row = schema.delivery.c
    lapsed = (row.workspace_id == scope.workspace_id, row.lease_until <= scope.now)
    marketing = row.message_class == MessageClass.MARKETING.value
    again = or_(row.state == State.CLAIMED.value, (row.state == State.HANDED.value) & ~marketing)
    doubtful = (row.state == State.HANDED.value) & marketing
    moved = update(schema.delivery).where(*lapsed, _LEASED)
    scope.connection.execute(moved.where(again).values(state=State.PLANNED.value, lease_until=None))
    scope.connection.execute(
        moved.where(doubtful).values(state=State.IN_DOUBT.value, lease_until=None, settled_at=scope.now)
    )


def waits(scope: Scope, run_id: int) -> bool:
    """Tell whether a delivery of a run is not at an end yet."""
    row = schema.delivery.c
    waiting = (State.PLANNED, State.CLAIMED, State.HANDED, State.DEFERRED)
    query = select(row.id).where(
        row.workspace_id == scope.workspace_id, row.run_id == run_id, row.state.in_([one.value for one in waiting])
    )
    return scope.connection.execute(query.limit(1)).first() is not None


def of_run(scope: Scope, run_id: int, state: str | None = None) -> list[DeliveryView]:
    """Return the deliveries of a run by id, all or those in one state."""
    row, customer = schema.delivery.c, schema.customer.c
    columns = [field.name for field in attrs.fields(DeliveryView)]
    query = (
        select(*(customer.key if name == "key" else row[name] for name in columns))
        .join_from(schema.delivery, schema.customer, customer.id == row.customer_id)
        .where(row.workspace_id == scope.workspace_id, customer.workspace_id == scope.workspace_id)
        .where(row.run_id == run_id, *([] if state is None else [row.state == state]))
        .order_by(row.id)
    )
    return [DeliveryView(**dict(zip(columns, values, strict=True))) for values in scope.connection.execute(query)]


def due_count(scope: Scope) -> int:
    """Return how many deliveries could be claimed now."""
    row = schema.delivery.c
    return _count(scope, _WAITING, row.due_at <= scope.now)


def in_doubt_count(scope: Scope) -> int:
    """Return how many deliveries there are whose fate nobody knows."""
    return _count(scope, schema.delivery.c.state == State.IN_DOUBT.value)


def _count(scope: Scope, *which: ColumnElement[bool] | TextClause) -> int:
    query = select(func.count()).where(schema.delivery.c.workspace_id == scope.workspace_id, *which)
    return scope.connection.execute(query).scalar_one()


def _move(scope: Scope, origin: State, columns: Sequence[str], rows: Sequence[tuple[object, ...]]) -> None:
    for state in {State(str(row[0])) for row in rows}:
        assert state in MOVES[origin], (origin, state)
    bulk.run_many(scope, _move_text(origin, tuple(columns)), rows)


@lru_cache(maxsize=64)
def _move_text(origin: State, columns: tuple[str, ...]) -> str:
    values = ", ".join(f"{column} = :" for column in columns)
    return f"UPDATE crm_delivery SET {values} WHERE workspace_id = @ AND id = : AND state = '{origin.value}'"


@lru_cache(maxsize=64)
def _amend(state: State) -> str:
    origins = ", ".join(f"'{origin.value}'" for origin, allowed in MOVES.items() if state in allowed)
    values = "state = :, reason = :, settled_at = :"
    return f"UPDATE crm_delivery SET {values} WHERE workspace_id = @ AND id = : AND state IN ({origins})"
