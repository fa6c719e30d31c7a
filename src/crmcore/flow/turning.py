"""One transaction of dispatch: settle what was sent, hand over what is ready, claim what is next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import attrs

from crmcore.flow import falling
from crmcore.flow.compose import Composed
from crmcore.flow.folding import fold_visible
from crmcore.flow.gating import hand
from crmcore.flow.limiting import Limiter
from crmcore.flow.outcome import outcomes
from crmcore.flow.plan import Plan
from crmcore.flow.preparing import Ready
from crmcore.flow.settling import settle
from crmcore.hooks.provider import Result
from crmcore.model.delivery import BOOKS, Book
from crmcore.model.policy import needs_exclusive
from crmcore.store import claims, moves, pending
from crmcore.store.claims import Claimed, Standing
from crmcore.store.runs import CANCELLED, GOING
from crmcore.store.scope import Scope


@attrs.frozen(kw_only=True)
class Sent:
    """Deliveries that were handed over, and what their carrier answered, by id."""

    plan: Plan
    handed: Sequence[Claimed]
    answered: dict[int, Result]


@attrs.frozen(kw_only=True)
class Next:
    """What to claim: deliveries of a run, so many at most; `plans` are those of its carriers.

    `ahead` are the microseconds until it is handed over, if a window goes before it.
    """

    run_id: int
    plans: Sequence[Plan]
    wanted: int
    ahead: int = 0


@attrs.frozen(kw_only=True)
class Turned:
    """What a turn came to: messages to send now, deliveries to prepare, runs of which more is due, what became of how many.

    `has_handed` tells that a batch has been through the gates; `is_put_back` that others were in the way of some, which
    are due again at once.
    """

    going: Sequence[Composed] = ()
    claimed: Sequence[Claimed] = ()
    due: Sequence[int] = ()
    became: Mapping[Book, int] = attrs.field(factory=dict)
    has_handed: bool = False
    is_put_back: bool = False


@attrs.frozen(kw_only=True)
class Turn:
    """Whose turn it is, and how long what it takes is its own (microseconds)."""

    owner: str
    lease: int
    limiter: Limiter

    def take(self, scope: Scope, sent: Sent | None, ready: Ready | None, coming: Next | None) -> Turned:
        """Settle, hand over, claim."""
        became = Counter[Book]() if sent is None else self.settle(scope, sent)
        going, is_put_back = ([], False) if ready is None else self._hand(scope, ready, became)
        claimed = [] if coming is None else self._claim(scope, coming, coming.ahead if going else 0)
        return Turned(
            going=going,
            claimed=claimed,
            due=claims.due_runs(scope),
            became=became,
            has_handed=ready is not None,
            is_put_back=is_put_back,
        )

    def opens_at(self, scope: Scope, coming: Next) -> int:
        """Return when one of the carriers has room, or had it: then others hold what is due."""
        rooms = [self.limiter.room(scope, one, coming.wanted) for one in coming.plans]
        return min(scope.now if one.opens_at is None else one.opens_at for one in rooms)

    def settle(self, scope: Scope, sent: Sent) -> Counter[Book]:
        """Write what came of what was sent, and count it."""
        settled = settle(scope, self.owner, sent.plan, outcomes(sent.handed, sent.answered, scope.now), self.limiter)
        return Counter(BOOKS[one.state] for one in settled)

    def _claim(self, scope: Scope, coming: Next, ahead: int) -> list[Claimed]:
        """A carrier that has no room keeps the others of its channel from nothing.

        There has to be room when these are handed over: what buckets gain until then would overflow them otherwise.
        """
        room = max(self.limiter.room(scope, one, coming.wanted, ahead).count for one in coming.plans)
        if not room:
            return []
        return claims.claim(scope, coming.run_id, self.owner, limit=room, lease_until=scope.now + self.lease)

    def _hand(self, scope: Scope, ready: Ready, became: Counter[Book]) -> tuple[list[Composed], bool]:
        """Hand over what may go. What hosts have said until now is folded first; whoever says more then has to wait."""
        fold_visible(scope)
        scope.settle()
        standing = claims.standing(scope, self.owner, ready.ids)
        failed = [one for one in ready.failures if one.delivery_id in standing]
        moves.refuse(scope, [(one.delivery_id, f"{one.fault}: {one.problem}") for one in failed])
        falling.unmade(scope, ready.plan, ready.run_id, [one.delivery_id for one in failed])
        made = [
            (_fresh(one.composed, standing[one.composed.claimed.id]), standing[one.composed.claimed.id].run_state)
            for one in ready.made
            if one.composed.claimed.id in standing
        ]
        going_on = [one for one, state in made if state in GOING]
        _stop(scope, [(one.claimed, state) for one, state in made if state not in GOING])
        free = self._lock(scope, ready.plan, going_on)
        busy = [one for one in going_on if one.claimed.customer_id not in free]
        moves.hold(scope, [(one.claimed.id, scope.now) for one in busy])
        left = [one for one in going_on if one.claimed.customer_id in free]
        lease_until = scope.now + self.lease
        handed = hand(scope, ready.plan, left, ready.objections, self.limiter, lease_until=lease_until)
        became.update({Book.FAILED: len(failed), Book.SKIPPED: handed.skipped})
        return handed.going, bool(busy)

    def _lock(self, scope: Scope, plan: Plan, composed: Sequence[Composed]) -> set[int]:
        """Return the customers of whom nobody can withdraw anything until this is committed."""
        customers = {one.claimed.customer_id for one in composed}
        free = claims.lock_contacts(scope, customers, exclusive=needs_exclusive(plan.policy))
        # Withdrawn, and being folded by somebody else: their fold is waited for.
        return set() if pending.holds_withdrawals(scope) else free


def _fresh(one: Composed, standing: Standing) -> Composed:
    """Customers may have been merged, and addresses lost, since it was claimed."""
    claimed = one.claimed
    if (claimed.customer_id, claimed.removed) == (standing.customer_id, standing.removed):
        return one
    now = attrs.evolve(claimed, customer_id=standing.customer_id, removed=standing.removed)
    return attrs.evolve(one, claimed=now)


def _stop(scope: Scope, claimed: Sequence[tuple[Claimed, str]]) -> None:
    """Put back what belongs to a run that stands still, and end what belongs to one that was cancelled."""
    moves.give_up(scope, [one.id for one, state in claimed if state == CANCELLED])
    moves.hold(scope, [(one.id, one.due_at) for one, state in claimed if state != CANCELLED])
