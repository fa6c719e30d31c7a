"""Token buckets, and what they learn of a carrier's answers: pauses, slower rates and their recovery, circuits.

All in whole numbers: tokens in millionths, rates in tokens per 10^12 seconds, times in microseconds UTC. At its whole rate
a bucket gains exactly what its limit says. What a refill gains below a millionth of a token stays in the bucket as time.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TypeVar

import attrs

from crmcore.errors import InvalidValue
from crmcore.model.time import DAY, HOUR, MINUTE, SECOND

TOKEN = 1_000_000
#: The rate of one token a second.
PER_SECOND = 10**12
MOST = 10**9
FASTEST = 10**6 * PER_SECOND
#: No pause is longer: a row that says so was written by a clock gone wrong.
LONGEST = DAY
#: Clocks of several machines may be this far apart. A bucket used later than that was used by a clock gone wrong.
SKEW = MINUTE
#: Who waits for a bucket waits until there is as much in it as it gains meanwhile, if that is no large part of its burst.
MOMENT = SECOND // 20
PART = 4
#: However often a carrier says "slower", a bucket keeps this share of its rate.
SLOWEST = 64
#: From nothing back to the whole of its rate, in seconds of messages taken over at the rate of the moment.
RECOVERY = 300
#: So many refusals in a row that are the sender's fault open its circuit.
FAULTS = 5
FIRST_PAUSE, LONGEST_PAUSE = MINUTE, HOUR

Key = TypeVar("Key", bound=Hashable)


@attrs.frozen(kw_only=True)
class Limit:
    """On the whole at most `count` messages per `per` microseconds, and at most `burst` at once (0: `count`).

    So in any span of time no more than the burst, and what the rate makes of the span. Raise InvalidValue.
    """

    count: int
    per: int
    burst: int = 0

    def __attrs_post_init__(self) -> None:
        if not (1 <= self.count <= MOST and 0 <= self.burst <= MOST and self.per >= 1):
            problem = f"count and burst go from 1 to {MOST}, per begins above 0"
            raise InvalidValue(place="limit", problem=problem)
        if not 1 <= self.rate <= FASTEST:
            raise InvalidValue(place="limit", problem="a rate goes from one in 10^12 seconds to a million a second")

    @property
    def rate(self) -> int:
        """Tokens per 10^12 seconds."""
        return self.count * SECOND * PER_SECOND // self.per

    @property
    def size(self) -> int:
        """Messages at once."""
        return self.burst or self.count


def tightest(limits: Iterable[Limit | None]) -> Limit | None:
    """Return a limit that keeps all of those given: the slowest rate, the smallest burst; None where there are none."""
    given = [one for one in limits if one is not None]
    if not given:
        return None
    return attrs.evolve(min(given, key=lambda one: one.rate), burst=min(one.size for one in given))


@attrs.frozen(kw_only=True)
class Bucket:
    """A token bucket; a rate of 0 lets all through, but while it is blocked.

    `nominal` is the rate it recovers to, `limit` the one it is under; `failures` in a row open its circuit, and `reason`
    is the last of them, or of the answers that blocked it.
    """

    tokens: int
    rate: int
    burst: int
    updated_at: int
    nominal: int | None = None
    blocked_until: int = 0
    failures: int = 0
    reason: str = ""
    limit: Limit | None = None

    @property
    def pace(self) -> tuple[int, int]:
        """Millionths of a token, and the microseconds in which it gains them."""
        if self.limit is None or self.rate != self.limit.rate:
            return self.rate, PER_SECOND
        return self.limit.count * TOKEN, self.limit.per


def unmetered(now: int) -> Bucket:
    """Return a bucket without a rate."""
    return Bucket(tokens=0, rate=0, burst=0, updated_at=now)


def full(limit: Limit, now: int) -> Bucket:
    """Return a bucket nobody has taken of yet."""
    return _metered(unmetered(now), limit, now)


def fitted(bucket: Bucket, limit: Limit | None, now: int) -> Bucket:
    """Return a bucket under the limit that holds now; one that is slowed stays so, in proportion.

    A bucket without a limit keeps the rate it has learned until it has recovered, and has none from then on.
    """
    if limit is None:
        is_free = bucket.nominal is None or bucket.rate >= bucket.nominal
        free = attrs.evolve(bucket, tokens=0, rate=0, burst=0, nominal=None, limit=None)
        return free if is_free else attrs.evolve(bucket, limit=None)
    size = limit.size * TOKEN
    if bucket.nominal is None:
        return _metered(bucket, limit, now)
    if (bucket.nominal, bucket.burst) == (limit.rate, size):
        return attrs.evolve(bucket, limit=limit)
    left = refilled(bucket, now)
    rate = max(1, min(limit.rate, left.rate * limit.rate // bucket.nominal))
    tokens = min(left.tokens, size)
    return attrs.evolve(left, tokens=tokens, rate=rate, burst=size, nominal=limit.rate, limit=limit)


def _metered(bucket: Bucket, limit: Limit, now: int) -> Bucket:
    size = limit.size * TOKEN
    return attrs.evolve(
        bucket, tokens=size, rate=limit.rate, burst=size, nominal=limit.rate, updated_at=now, limit=limit
    )


def refilled(bucket: Bucket, now: int) -> Bucket:
    """Return a bucket with what it has gained since it was used; a clock that stands still or goes back gains nothing."""
    passed = now - bucket.updated_at
    if passed < 0:
        return bucket if passed >= -SKEW else attrs.evolve(bucket, updated_at=now)
    tokens, per = bucket.pace
    gained, rest = divmod(tokens * passed, per)
    if not bucket.rate or bucket.tokens + gained >= bucket.burst:
        return attrs.evolve(bucket, tokens=bucket.burst, updated_at=now)
    return attrs.evolve(bucket, tokens=bucket.tokens + gained, updated_at=now - rest // tokens)


def blocked_until(bucket: Bucket, now: int) -> int:
    """Return when a pause or an open circuit ends; `now` where there is none."""
    return bucket.blocked_until if now < bucket.blocked_until <= now + LONGEST else now


def passing(bucket: Bucket, now: int, wanted: int) -> int:
    """Return how many of the messages wanted may pass now; one alone while a circuit is half open."""
    if blocked_until(bucket, now) > now:
        return 0
    most = min(wanted, 1) if is_tripped(bucket) else wanted
    return min(most, refilled(bucket, now).tokens // TOKEN) if bucket.rate else most


def taken(bucket: Bucket, now: int, count: int) -> Bucket:
    """Return a bucket that `count` messages have passed."""
    left = refilled(bucket, now)
    left = attrs.evolve(left, tokens=left.tokens - count * TOKEN) if left.rate else left
    return _tried(left, now) if count and is_tripped(left) else left


def handful(bucket: Bucket) -> int:
    """Return how many messages are worth a batch: small ones cost as much, and while they go a full bucket gains nothing."""
    return max(1, min(bucket.burst // PART, bucket.rate * MOMENT // PER_SECOND) // TOKEN)


def ready_at(bucket: Bucket, now: int, count: int = 1) -> int:
    """Return when the next message may pass, or so many at once, of which it can hold as many."""
    start = blocked_until(bucket, now)
    missing = max(0, count * TOKEN - bucket.tokens)
    if not bucket.rate or not missing:
        return start
    tokens, per = bucket.pace
    since = bucket.updated_at if bucket.updated_at <= now + SKEW else now
    return max(start, since - (-missing * per // tokens))


def spacing(bucket: Bucket) -> int:
    """Return the microseconds between one message and the next at the rate of the bucket."""
    tokens, per = bucket.pace
    return TOKEN * per // tokens if tokens else 0


def share(wanted: Mapping[int, Sequence[Key]], left: Mapping[Key, int]) -> tuple[list[int], dict[int, list[Key]]]:
    """Return who may pass all their buckets, first come first served, and of the others the buckets that are empty.

    `wanted` says in order which buckets each passes, `left` how many each bucket lets through.
    """
    rest = dict(left)
    going: list[int] = []
    short: dict[int, list[Key]] = {}
    for one, keys in wanted.items():
        if empty := [key for key in keys if not rest[key]]:
            short[one] = empty
            continue
        going.append(one)
        for key in keys:
            rest[key] -= 1
    return going, short


# -- what a carrier says ----------------------------------------------------------------------------------------------


def paused(bucket: Bucket, now: int, until: int, reason: str) -> Bucket:
    """Return a bucket that lets nothing through before a time, at most a day from now."""
    later = max(blocked_until(bucket, now), min(until, now + LONGEST))
    return attrs.evolve(bucket, blocked_until=later, reason=reason)


def slowed(bucket: Bucket, now: int, until: int, reason: str) -> Bucket:
    """Return a bucket that was told to wait: paused, emptied, and half as fast from then on; once per pause."""
    if bucket.nominal is None or blocked_until(bucket, now) > now:
        return paused(bucket, now, until, reason)
    left = refilled(bucket, now)
    rate = max(left.rate // 2, bucket.nominal // SLOWEST, 1)
    return paused(attrs.evolve(left, tokens=min(left.tokens, 0), rate=rate), now, until, reason)


def recovered(bucket: Bucket, now: int, accepted: int) -> Bucket:
    """Return a bucket after messages that were taken over: nearer to its nominal rate, by equal steps in equal times."""
    if bucket.nominal is None or bucket.rate >= bucket.nominal:
        return bucket
    left = refilled(bucket, now)
    step = bucket.nominal * accepted * PER_SECOND // (bucket.rate * RECOVERY)
    return attrs.evolve(left, rate=min(bucket.nominal, bucket.rate + max(1, step)))


def is_slowed(bucket: Bucket) -> bool:
    """Tell whether a bucket is below its nominal rate."""
    return bucket.nominal is not None and bucket.rate < bucket.nominal


# -- the circuit ------------------------------------------------------------------------------------------------------


def is_tripped(bucket: Bucket) -> bool:
    """Tell whether a circuit is open, or half open once its pause is over."""
    return bucket.failures >= FAULTS


def faulted(bucket: Bucket, now: int, count: int, reason: str) -> Bucket:
    """Return a bucket after refusals that were the sender's own fault; what comes in during a pause adds nothing."""
    if is_tripped(bucket) and blocked_until(bucket, now) > now:
        return bucket
    failures = max(bucket.failures, min(bucket.failures + count, FAULTS))
    left = attrs.evolve(bucket, failures=failures, reason=reason)
    return paused(left, now, now + _pause(left), reason) if is_tripped(left) else left


def closed(bucket: Bucket) -> Bucket:
    """Return a bucket after a message that was taken over."""
    until = 0 if is_tripped(bucket) else bucket.blocked_until
    return attrs.evolve(bucket, failures=0, blocked_until=until) if bucket.failures else bucket


def _tried(bucket: Bucket, now: int) -> Bucket:
    """A trial counts as failed until it is taken over: nobody makes another meanwhile, and the next comes later."""
    left = attrs.evolve(bucket, failures=bucket.failures + 1)
    return paused(left, now, now + _pause(left), bucket.reason)


def _pause(bucket: Bucket) -> int:
    return min(LONGEST_PAUSE, FIRST_PAUSE << min(bucket.failures - FAULTS, 10))
