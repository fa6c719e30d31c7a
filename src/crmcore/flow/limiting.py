"""Limits at work: how much may be claimed, which messages pass, and what a carrier's answers teach.

Who has no limits and was told nothing by a carrier pays for none of it: one look at what is in trouble, every few seconds.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import attrs

from crmcore.flow import retrying
from crmcore.flow.compose import Composed
from crmcore.flow.lessons import Lesson, is_rateless, is_sender_fault, lessons, metered, taught
from crmcore.flow.nesting import Nest, nest
from crmcore.flow.outcome import Outcome
from crmcore.flow.plan import Plan
from crmcore.model import limiting
from crmcore.model.limiting import Bucket
from crmcore.model.limits import Limits
from crmcore.model.time import MINUTE, SECOND, iso
from crmcore.registry import Registry
from crmcore.store import limits, moves
from crmcore.store.claims import Claimed
from crmcore.store.limits import RECIPIENT, Key
from crmcore.store.scope import Scope

#: How long a process may not know yet what another has been told.
LOOK_AGAIN = 5 * SECOND
#: How far ahead those who wait for one bucket are lined up: nobody waits longer for a limit that has been lifted.
AHEAD = 15 * MINUTE
log = logging.getLogger("crmcore.limits")


@attrs.frozen(kw_only=True)
class Room:
    """How many messages may go now; where none may, when a few may (microseconds UTC)."""

    count: int
    opens_at: int | None = None


@attrs.frozen(kw_only=True)
class Admission:
    """The deliveries that go, and those that wait, each with the time it is due again."""

    going: tuple[int, ...] = ()
    waiting: tuple[tuple[int, int], ...] = ()


class Limiter:
    """The limits as one process knows them: it keeps in mind which buckets are in trouble, and who waits for which."""

    def __init__(self, settings: Limits, registry: Registry) -> None:
        self._settings, self._registry = settings, registry
        self._nests: dict[str, Nest] = {}
        self._looked_at: int | None = None
        self._troubled: set[Key] = set()
        self._known: set[Key] = set()
        self._lined_up: dict[Key, int] = {}

    def room(self, scope: Scope, plan: Plan, wanted: int, ahead: int = 0) -> Room:
        """Return how many of the messages wanted the wide buckets let through now; nothing is taken of them yet.

        `ahead` (microseconds) asks for how many they do a little later, if nobody else takes of them meanwhile.
        """
        self._look(scope)
        around = self._nest(plan)
        keys = [key for key in around.wide if self._counts(around, key)]
        found = limits.read(scope, keys)
        buckets = [
            limiting.fitted(found.get(key) or _fresh(scope, around, key), around.limit(key), scope.now) for key in keys
        ]
        count = min((limiting.passing(one, scope.now + ahead, wanted) for one in buckets), default=wanted)
        if count or not buckets:
            return Room(count=count)
        return Room(count=0, opens_at=max(limiting.ready_at(one, scope.now, limiting.handful(one)) for one in buckets))

    def admit(self, scope: Scope, plan: Plan, batch: Sequence[Claimed]) -> Admission:
        """Take a token of every bucket that each delivery passes, in the order given; say when the others are due again."""
        self._look(scope)
        around = self._nest(plan)
        if not (around.is_limited or self._troubled):
            return Admission(going=tuple(one.id for one in batch))
        wanted = {one.id: [key for key in around.passed(scope, one) if self._counts(around, key)] for one in batch}
        users = Counter(key for keys in wanted.values() for key in keys)
        buckets = self._hold(scope, around, users)
        left = {key: limiting.passing(one, scope.now, users[key]) for key, one in buckets.items()}
        going, short = limiting.share(wanted, left)
        used = Counter(key for one in going for key in wanted[one])
        after = {key: limiting.taken(buckets[key], scope.now, count) for key, count in used.items()}
        limits.keep(scope, after)
        self._note(scope, buckets | after)
        return Admission(going=tuple(going), waiting=self._waiting(batch, short, buckets | after, scope.now))

    def has_pairs(self, plan: Plan) -> bool:
        """Tell whether a plan's carrier, or the settings, limit what one recipient gets."""
        return self._nest(plan).recipient is not None

    def answered(self, scope: Scope, plan: Plan, batch: Sequence[Claimed]) -> None:
        """Let what recipients may get next count from now, when they have theirs: it left later than it was handed over.

        In a transaction of its own: who hands over locks recipients first and all other buckets then.
        """
        around = self._nest(plan)
        limits.restart(scope, {around.pair(scope, one.address) for one in batch})

    def learn(self, scope: Scope, plan: Plan, outcomes: Sequence[Outcome]) -> list[Outcome]:
        """Let buckets learn of the answers to a batch; return the outcomes, those a circuit holds due when it is half open.

        Call it after whatever locks customers: deliveries being handed over lock customers first and buckets then.
        """
        around = self._nest(plan)
        found = lessons(scope, around, outcomes, self._troubled)
        if not found:
            return list(outcomes)
        before = self._hold(scope, around, found)
        after = {
            key: taught(key, one, scope.now, found[key])
            for key, one in _metered(scope, before, found, outcomes).items()
        }
        limits.keep(scope, {key: one for key, one in after.items() if one != before[key]})
        self._note(scope, after)
        if not found.get(around.sender, Lesson()).faults or not limiting.is_tripped(after[around.sender]):
            return list(outcomes)
        opens_at = limiting.ready_at(after[around.sender], scope.now)
        if not limiting.is_tripped(before[around.sender]):
            _alert(around, after[around.sender], opens_at)
        return [_held(one, opens_at) if is_sender_fault(one) else one for one in outcomes]

    # -- which buckets count ------------------------------------------------------------------------------------------

    def _nest(self, plan: Plan) -> Nest:
        carrier = f"{plan.channel.name}/{plan.provider.name}"
        if carrier not in self._nests:
            self._nests[carrier] = nest(plan, self._settings, self._registry.providers)
        return self._nests[carrier]

    def _counts(self, around: Nest, key: Key) -> bool:
        return key in self._troubled or around.limit(key) is not None

    def _look(self, scope: Scope) -> None:
        """See which buckets are in trouble, whoever was told so."""
        if self._looked_at is None or not 0 <= scope.now - self._looked_at < LOOK_AGAIN:
            self._troubled, self._looked_at = limits.troubled(scope), scope.now

    def _note(self, scope: Scope, buckets: Mapping[Key, Bucket]) -> None:
        for key, one in buckets.items():
            if key[0] != RECIPIENT:
                (self._troubled.add if _is_in_trouble(one, scope.now) else self._troubled.discard)(key)

    def _hold(self, scope: Scope, around: Nest, keys: Iterable[Key]) -> dict[Key, Bucket]:
        """Return buckets as the limits of today have them, held until the transaction ends."""
        fresh = {key: _fresh(scope, around, key) for key in keys}
        held = limits.hold(scope, fresh, fresh.keys() - self._known) if fresh else {}
        self._known |= {key for key in held if key[0] != RECIPIENT}
        return {key: limiting.fitted(one, around.limit(key), scope.now) for key, one in held.items()}

    def _waiting(
        self, batch: Sequence[Claimed], short: Mapping[int, Sequence[Key]], buckets: Mapping[Key, Bucket], now: int
    ) -> tuple[tuple[int, int], ...]:
        """Return when each of those that found a bucket empty is due: when the last of those buckets has its turn."""
        turns = [
            (one, max(self._turn(key, buckets[key], now) for key in short[one.id])) for one in batch if one.id in short
        ]
        return tuple((one.id, retrying.until_expiry(one, turn)) for one, turn in turns)

    def _turn(self, key: Key, bucket: Bucket, now: int) -> int:
        """Return when the next in the line for a bucket may try again."""
        first = limiting.ready_at(bucket, now)
        turn = max(first, self._lined_up.get(key, 0) + limiting.spacing(bucket))
        turn = turn if turn <= first + AHEAD else first
        if key[0] != RECIPIENT:
            self._lined_up[key] = turn
        return turn


def admitted(scope: Scope, limiter: Limiter, plan: Plan, batch: Sequence[Composed]) -> list[Composed]:
    """Return the messages that the limits let through; the others are put back, due when there is room for them."""
    admission = limiter.admit(scope, plan, [one.claimed for one in batch])
    moves.hold(scope, admission.waiting)
    going = set(admission.going)
    return [one for one in batch if one.claimed.id in going]


def _fresh(scope: Scope, around: Nest, key: Key) -> Bucket:
    limit = around.limit(key)
    return limiting.unmetered(scope.now) if limit is None else limiting.full(limit, scope.now)


def _metered(
    scope: Scope, buckets: Mapping[Key, Bucket], found: Mapping[Key, Lesson], outcomes: Sequence[Outcome]
) -> Mapping[Key, Bucket]:
    if not any(is_rateless(one, found[key]) for key, one in buckets.items()):
        return buckets
    return metered(buckets, found, limits.carried_since(scope, [one.claimed.id for one in outcomes]), scope.now)


def _is_in_trouble(bucket: Bucket, now: int) -> bool:
    return limiting.blocked_until(bucket, now) > now or limiting.is_slowed(bucket) or bucket.failures > 0


def _held(one: Outcome, until: int) -> Outcome:
    due_at = retrying.until_expiry(one.claimed, until)
    return attrs.evolve(one, settled=attrs.evolve(one.settled, due_at=due_at))


def _alert(around: Nest, bucket: Bucket, opens_at: int) -> None:
    log.error(
        "%s is paused until %s: %d messages in a row were refused as the sender's fault, the last with %r",
        around.carrier,
        iso(opens_at),
        bucket.failures,
        bucket.reason,
    )
