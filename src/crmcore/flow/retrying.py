"""When a delivery that did not go is tried again: exponential waits with full jitter, and never past its expiry."""

from __future__ import annotations

import hashlib
import math

from crmcore.model.time import DAY, HOUR, MINUTE, SECOND
from crmcore.store.claims import Claimed

FIRST, LONGEST = MINUTE, 4 * HOUR
#: What a carrier asks for is believed up to here.
MOST = 30 * DAY
_STEPS = 1 << 64


def due_at(one: Claimed, after: float, now: int) -> int:
    """Return when a delivery is due again: after the seconds its carrier asks for, or (0) as its attempts say."""
    return until_expiry(one, now + (asked(after) or backoff(one.id, one.attempt)))


def asked(after: float) -> int:
    """Return the microseconds that a carrier asks to wait; 0 where it leaves that open."""
    return math.ceil(min(after * SECOND, MOST)) if after > 0 else 0


def backoff(delivery_id: int, attempt: int) -> int:
    """Return how long to wait after an attempt (the first is 1), in microseconds; the same for the same attempt.

    Up to a minute after the first, twice that after the next, and so on up to four hours; how much of it is drawn from
    the whole span, so that what failed together does not come again together.
    """
    longest = min(LONGEST, FIRST << min(max(attempt, 1) - 1, 16))
    drawn = hashlib.blake2b(b"%d:%d" % (delivery_id, attempt), digest_size=8, person=b"retry").digest()
    return SECOND + (longest - SECOND) * int.from_bytes(drawn) // _STEPS


def until_expiry(one: Claimed, at: int) -> int:
    """Return a time, or when the delivery expires, should that be sooner."""
    return at if one.expires_at is None else min(at, one.expires_at)
