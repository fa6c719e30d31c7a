"""Runs paused, resumed, cancelled and tried again, and deliveries in doubt settled by hand.

Each holds the run while it changes it: what its state allows is judged, and done, in one transaction.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import attrs

from crmcore.errors import InvalidValue, NotInDoubt, RunState
from crmcore.model.delivery import State
from crmcore.store import audit, deliveries, enrolments, holds, listeners, moves, runs, timers, webhooks
from crmcore.store.deliveries import DeliveryView
from crmcore.store.runs import CANCELLED, FINISHED, GOING, PAUSED, RUNNING, STANDING, Run
from crmcore.store.scope import Read, Scope, Write

#: How many deliveries are moved in one transaction.
BATCH = 10_000


def deliveries_of(scope: Scope, campaign: str | None, state: str | None, limit: int) -> list[DeliveryView]:
    """Return rows of the ledger, of a campaign's latest run or of any; raise UnknownCampaign, InvalidValue."""
    if campaign is not None:
        return deliveries.of_run(scope, runs.latest(scope, campaign).id, state)
    if state is None:
        raise InvalidValue(place="deliveries", problem="name a campaign or a state")
    return deliveries.in_state(scope, state, limit)


def pause(scope: Scope, campaign: str) -> None:
    """Let a run stand still; what is under way is finished. One that stood still for a template does so for good."""
    audit.note(scope, "campaign paused", audit.about_campaign(campaign))
    if holds.let_go(scope, runs.latest(scope, campaign).id):
        return
    runs.move(scope, _held(scope, campaign, "paused", GOING).id, PAUSED)


def resume(scope: Scope, campaign: str) -> None:
    """Let a run go on."""
    run = _held(scope, campaign, "resumed", (PAUSED,))
    audit.note(scope, "campaign resumed", audit.about_campaign(campaign))
    holds.let_go(scope, run.id)
    runs.move(scope, run.id, STANDING if run.campaign.is_single else RUNNING)


def cancel(write: Write, campaign: str) -> int:
    """End a run; what waits is cancelled, what is under way is finished. That of single messages takes more all the same."""
    run_id = write(lambda scope: _cancelled(scope, campaign))
    _all(write, partial(enrolments.end_all, run_id=run_id, reason=CANCELLED, limit=BATCH))
    write(webhooks.cancel)
    return _all(write, partial(moves.cancel, run_id=run_id, limit=BATCH))


def retry(write: Write, campaign: str) -> int:
    """Plan again what has failed of a run; a finished one goes on."""
    return _all(write, partial(_retried, campaign=campaign))


def sweep(write: Write, reading: Read) -> None:
    """End what was away when its run was cancelled: ways that began meanwhile, deliveries that have come back to wait."""
    with reading() as scope:
        if not runs.has_any(scope, CANCELLED):
            return
        is_walked, is_left = bool(runs.left_under_way(scope)), bool(runs.left_over(scope))
    if is_walked:
        _all(write, _ended)
    if is_left:
        _all(write, _swept)


def settle(scope: Scope, delivery_id: int, state: State, note: str) -> None:
    """Say what became of a delivery in doubt; raise NotInDoubt, and RunState where it would go again in a cancelled run."""
    if not moves.decide(scope, delivery_id, state, note or "settled by hand"):
        raise NotInDoubt(delivery=delivery_id)
    audit.note(scope, "delivery settled", audit.about_delivery(delivery_id), {"state": state.value, "note": note})
    if state is State.PLANNED:
        _go_on(scope, runs.load(scope, deliveries.run_of(scope, delivery_id)))


def _go_on(scope: Scope, run: Run) -> None:
    state = runs.hold(scope, run.id)
    if state == CANCELLED:
        raise RunState(campaign=run.campaign.name, state=state, what="sent again")
    if state == FINISHED:
        runs.move(scope, run.id, RUNNING)


def _cancelled(scope: Scope, campaign: str) -> int:
    run = _held(scope, campaign, "cancelled", (*GOING, PAUSED))
    audit.note(scope, "campaign cancelled", audit.about_campaign(campaign))
    if not run.campaign.is_single:
        holds.let_go(scope, run.id)
        listeners.unlisten(scope, run.id)
        timers.clear(scope, run.id)
        runs.move(scope, run.id, CANCELLED)
    return run.id


def _ended(scope: Scope) -> int:
    return sum(enrolments.end_all(scope, one, CANCELLED, BATCH) for one in runs.left_under_way(scope))


def _swept(scope: Scope) -> int:
    return sum(moves.cancel(scope, run_id, limit=BATCH) for run_id in runs.left_over(scope))


def _retried(scope: Scope, campaign: str) -> int:
    run = _held(scope, campaign, "tried again", (*GOING, PAUSED, FINISHED))
    audit.note(scope, "campaign tried again", audit.about_campaign(campaign))
    count = moves.retry(scope, run.id, expires_at=scope.now + run.campaign.lifetime, limit=BATCH)
    if count and run.state == FINISHED:
        runs.move(scope, run.id, RUNNING)
    return count


def _held(scope: Scope, campaign: str, what: str, states: tuple[str, ...]) -> Run:
    run = runs.latest(scope, campaign)
    state = runs.hold(scope, run.id)
    if state not in states:
        raise RunState(campaign=campaign, state=state, what=what)
    return attrs.evolve(run, state=state)


def _all(write: Write, some: Callable[[Scope], int]) -> int:
    done = count = write(some)
    # Fewer than asked for were the last: to look once more would find what others have moved meanwhile, without end.
    while count >= BATCH:
        done += (count := write(some))
    return done
