"""Every move of a delivery from state to state. Each names the states it may come from; no other move is made."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import attrs
from sqlalchemy import CTE, select, update

from crmcore.model.delivery import BY_RECEIPT, MOVES, State
from crmcore.model.receipts import RETRIED
from crmcore.store import bulk, coupons, schema, timers
from crmcore.store.deliveries import FAILED, WAITING
from crmcore.store.scope import Scope


@attrs.frozen(kw_only=True)
class Handing:
    """A delivery about to be handed over: which attempt it is, and its context, frozen as JSON."""

    id: int
    attempt: int
    context: str


@attrs.frozen(kw_only=True)
class Settled:
    """Where a delivery goes from `handed`, and why; `due_at` where it waits again."""

    id: int
    state: State
    reason: str = ""
    provider_id: str | None = None
    due_at: int | None = None


@attrs.frozen(kw_only=True)
class Amended:
    """Where receipts take a delivery, and why; `due_at` where it is to be sent again."""

    id: int
    state: State
    reason: str = ""
    due_at: int | None = None


def skip(scope: Scope, reasons: Sequence[tuple[int, str]]) -> None:
    """End claimed deliveries without sending, each with its reason."""
    rows = [(State.SKIPPED.value, reason, scope.now, one) for one, reason in reasons]
    _move(scope, State.CLAIMED, ("state", "reason", "settled_at"), rows)
    coupons.give_back(scope, [one for one, _ in reasons])


def hold(scope: Scope, until: Sequence[tuple[int, int]]) -> None:
    """Put claimed deliveries back, due again at a time."""
    rows = [(State.PLANNED.value, due_at, one) for one, due_at in until]
    _move(scope, State.CLAIMED, ("state", "due_at"), rows)


def lapse(scope: Scope, ids: Sequence[int]) -> None:
    """End claimed deliveries that have waited for too long."""
    _move(scope, State.CLAIMED, ("state", "settled_at"), [(State.EXPIRED.value, scope.now, one) for one in ids])
    coupons.give_back(scope, ids)


def refuse(scope: Scope, reasons: Sequence[tuple[int, str]]) -> None:
    """Fail claimed deliveries of which no message could be made."""
    rows = [(State.FAILED.value, reason, scope.now, one) for one, reason in reasons]
    _move(scope, State.CLAIMED, ("state", "reason", "settled_at"), rows)


def give_up(scope: Scope, ids: Sequence[int]) -> None:
    """Cancel claimed deliveries, as their run was."""
    rows = [(State.CANCELLED.value, "", scope.now, one) for one in ids]
    _move(scope, State.CLAIMED, ("state", "reason", "settled_at"), rows)
    coupons.give_back(scope, ids)


def hand(scope: Scope, handings: Sequence[Handing], provider: str, *, lease_until: int) -> None:
    """Note, before the first byte leaves, that these are being handed over."""
    columns = ("state", "attempt", "context", "provider", "handed_at", "lease_until")
    rows = [
        (State.HANDED.value, one.attempt, one.context, provider, scope.now, lease_until, one.id) for one in handings
    ]
    _move(scope, State.CLAIMED, columns, rows)


def settle(scope: Scope, owner: str, settled: Sequence[Settled]) -> None:
    """Write what became of deliveries that an owner handed over.

    Where its lease had ended meanwhile an answer still settles what was in doubt; what somebody else has handed over
    since is left to them.
    """
    ended = [one for one in settled if one.due_at is None]
    for state in sorted({one.state for one in ended}):
        rows = [
            (state.value, one.reason, one.provider_id, scope.now, one.id, owner) for one in ended if one.state is state
        ]
        columns = ("state", "reason", "provider_id", "settled_at")
        if _settle(scope, columns, rows, [State.HANDED, State.IN_DOUBT]):
            _settle_overtaken(scope, owner, state, [one for one in ended if one.state is state])
    again = [(one.state.value, one.reason, one.due_at, one.id, owner) for one in settled if one.due_at is not None]
    _settle(scope, ("state", "reason", "due_at"), again, [State.HANDED])


def _settle(scope: Scope, columns: Sequence[str], rows: Sequence[tuple[object, ...]], origins: Sequence[State]) -> int:
    """Return how many were not where they come from: receipts have overtaken their answer, or they are somebody else's."""
    targets = {State(str(row[0])) for row in rows}
    left = len(rows)
    for origin in origins:
        if left and targets <= MOVES[origin]:
            left -= bulk.update_all(scope, schema.delivery, columns, _KEY, rows, _is_in(origin))
    return left


_KEY = ("id", "claimed_by")
_TOLD = (State.ACCEPTED, State.DELIVERED, State.READ, State.FAILED, State.PLANNED)


def _settle_overtaken(scope: Scope, owner: str, state: State, ended: Sequence[Settled]) -> None:
    """Add an answer to what receipts have said before it: the carrier's id, and a refusal of what was only accepted."""
    ids = [(one.provider_id, one.id, owner) for one in ended if one.provider_id is not None]
    bulk.update_all(scope, schema.delivery, ("provider_id",), _KEY, ids, _is_any_of(_TOLD))
    if state is State.FAILED:
        rows = [(state.value, one.reason, scope.now, one.id, owner) for one in ended]
        bulk.update_all(scope, schema.delivery, ("state", "reason", "settled_at"), _KEY, rows, _is_in(State.ACCEPTED))


def amend(scope: Scope, amended: Sequence[Amended]) -> None:
    """Move deliveries as receipts say, from where these may take them; anything else is left as it is."""
    for state in sorted({one.state for one in amended} - {State.PLANNED}):
        rows = [(state.value, one.reason, scope.now, one.id) for one in amended if one.state is state]
        bulk.update_all(scope, schema.delivery, ("state", "reason", "settled_at"), ("id",), rows, _by_receipt(state))
    again = [(one.state.value, one.reason, one.due_at, None, one.id) for one in amended if one.state is State.PLANNED]
    columns = ("state", "reason", "due_at", "settled_at")
    bulk.update_all(scope, schema.delivery, columns, ("id",), again, _by_receipt(State.PLANNED))


@lru_cache(maxsize=16)
def _by_receipt(state: State) -> str:
    return f"crm_delivery.handed_at IS NOT NULL AND {_is_any_of(tuple(sorted(BY_RECEIPT[state])))}"


def expire(scope: Scope) -> None:
    """End what is due and has waited for too long."""
    row = schema.delivery.c
    lapsed = (row.workspace_id == scope.workspace_id, WAITING, row.due_at <= scope.now, row.expires_at <= scope.now)
    ended = {"state": State.EXPIRED.value, "settled_at": scope.now}
    moved = update(schema.delivery).where(*lapsed).values(**ended).returning(row.run_id, row.id)
    given_up = [(run_id, one) for run_id, one in scope.connection.execute(moved)]
    coupons.give_back(scope, [one for _, one in given_up])
    timers.ring(scope, timers.FALLBACK, given_up)


def cancel(scope: Scope, run_id: int, limit: int) -> int:
    """Cancel deliveries of a run that wait, whatever they waited for; return how many."""
    row = schema.delivery.c
    which = (
        select(row.id)
        .where(row.workspace_id == scope.workspace_id, row.run_id == run_id, WAITING)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    ended = _update(scope, which.cte("waiting"), state=State.CANCELLED.value, reason="", settled_at=scope.now)
    coupons.give_back(scope, ended)
    return len(ended)


def retry(scope: Scope, run_id: int, expires_at: int, limit: int) -> int:
    """Plan again what has failed of a run, but of customers who were erased; return how much that was."""
    row = schema.delivery.c
    which = (
        select(row.id)
        .where(row.workspace_id == scope.workspace_id, row.run_id == run_id, FAILED, row.origin_id != 0)
        .order_by(row.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    again = {"due_at": scope.now, "expires_at": expires_at, "settled_at": None, "claimed_by": None}
    return len(_update(scope, which.cte("failed"), state=State.PLANNED.value, reason=RETRIED, **again))


def _update(scope: Scope, which: CTE, **values: object) -> Sequence[int]:
    of_which = schema.delivery.c.id.in_(select(which.c.id))
    moved = update(schema.delivery).where(bulk.mine_by_id(scope, schema.delivery), of_which)
    # Of a statement that begins with WITH, Python's sqlite3 does not say how many rows it changed.
    return scope.connection.execute(moved.values(**values).returning(schema.delivery.c.id)).scalars().all()


def decide(scope: Scope, delivery_id: int, state: State, reason: str) -> bool:
    """Say by hand what became of a delivery in doubt; tell whether it was in doubt. Planned, it is sent again."""
    assert state in MOVES[State.IN_DOUBT], state
    row = schema.delivery.c
    is_again = state is State.PLANNED
    reason, ended = (RETRIED, None) if is_again else (reason, scope.now)
    moved = (
        update(schema.delivery)
        .where(bulk.mine_by_id(scope, schema.delivery), row.id == delivery_id, row.state == State.IN_DOUBT.value)
        .values(state=state.value, reason=reason, due_at=scope.now, settled_at=ended, claimed_by=None)
    )
    return bool(scope.connection.execute(moved).rowcount)


def _move(scope: Scope, origin: State, columns: Sequence[str], rows: Sequence[tuple[object, ...]]) -> None:
    for state in {State(str(row[0])) for row in rows}:
        assert state in MOVES[origin], (origin, state)
    bulk.update_all(scope, schema.delivery, columns, ("id",), rows, _is_in(origin))


def _is_in(state: State) -> str:
    # One state, and written out: the planner then sees that a small partial index has all there can be.
    return f"crm_delivery.state = '{state.value}'"


def _is_any_of(states: Sequence[State]) -> str:
    quoted = ", ".join(f"'{one.value}'" for one in states)
    return f"crm_delivery.state IN ({quoted})"
