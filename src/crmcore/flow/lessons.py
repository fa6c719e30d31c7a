"""What the answers to a batch say of buckets: who was told to wait, who is at fault, who gets on well."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import attrs

from crmcore.flow import retrying
from crmcore.flow.nesting import Nest
from crmcore.flow.outcome import Outcome
from crmcore.hooks.provider import Accepted, Permanent, Retry
from crmcore.model import limiting
from crmcore.model.limiting import Bucket, Limit
from crmcore.model.time import MINUTE, SECOND
from crmcore.store.limits import RECIPIENT, Key
from crmcore.store.scope import Scope

#: A carrier that says "later" and not when is left alone for this long.
PAUSE = MINUTE


@attrs.define(kw_only=True)
class Lesson:
    """What is said of one bucket: wait until then, and why; how many were taken over, and how often the sender was at fault."""

    until: int = 0
    reason: str = ""
    accepted: int = 0
    faults: int = 0


def lessons(scope: Scope, around: Nest, outcomes: Sequence[Outcome], troubled: Collection[Key]) -> dict[Key, Lesson]:
    """Return what there is to learn; what was taken over is of interest for buckets in trouble alone."""
    found: dict[Key, Lesson] = {}
    for one in outcomes:
        match one.result:
            case Retry(after=after, code=code) as asked:
                if (key := _throttled(scope, around, one, asked)) is not None:
                    lesson = found.setdefault(key, Lesson())
                    lesson.until = max(lesson.until, scope.now + (retrying.asked(after) or PAUSE))
                    lesson.reason = code
            case Permanent(fault="sender", code=code):
                lesson = found.setdefault(around.sender, Lesson())
                lesson.faults, lesson.reason = lesson.faults + 1, code
    if found or troubled:
        _count_accepted(scope, around, outcomes, troubled, found)
    return found


def _count_accepted(
    scope: Scope, around: Nest, outcomes: Sequence[Outcome], troubled: Collection[Key], found: dict[Key, Lesson]
) -> None:
    for one in outcomes:
        if isinstance(one.result, Accepted):
            for key in around.passed(scope, one.claimed):
                if key in found or key in troubled:
                    found.setdefault(key, Lesson()).accepted += 1


def _throttled(scope: Scope, around: Nest, one: Outcome, asked: Retry) -> Key | None:
    """Return the bucket that a hint is about; of a recipient only where the limits have one."""
    match asked.scope:
        case "channel":
            return around.whole_channel
        case "sender":
            return around.sender
        case "destination":
            return around.destination(one.claimed.address)
        case _:
            return around.pair(scope, one.claimed.address) if around.recipient else None


def is_sender_fault(one: Outcome) -> bool:
    """Tell whether a delivery was refused for what its sender has done, or is."""
    return isinstance(one.result, Permanent) and one.result.fault == "sender"


def metered(buckets: Mapping[Key, Bucket], found: Mapping[Key, Lesson], since: int, now: int) -> dict[Key, Bucket]:
    """Return buckets, those told to wait and without a rate with the one at which this batch was carried, since `since`."""
    per = max(SECOND, now - since)
    return {
        key: limiting.fitted(one, Limit(count=found[key].accepted, per=per), now)
        if is_rateless(one, found[key])
        else one
        for key, one in buckets.items()
    }


def is_rateless(bucket: Bucket, lesson: Lesson) -> bool:
    """Tell whether a bucket is to be slowed down and has no rate yet, but could have one."""
    return bool(lesson.until and lesson.accepted and not bucket.rate)


def taught(key: Key, bucket: Bucket, now: int, lesson: Lesson) -> Bucket:
    """Return a bucket after a lesson. A success closes its circuit; a recipient is paused, but never slowed down."""
    if lesson.accepted:
        bucket = limiting.closed(bucket)
    elif lesson.faults:
        bucket = limiting.faulted(bucket, now, lesson.faults, lesson.reason)
    if lesson.until:
        tell = limiting.paused if key[0] == RECIPIENT else limiting.slowed
        return tell(bucket, now, lesson.until, lesson.reason)
    return limiting.recovered(bucket, now, lesson.accepted) if lesson.accepted else bucket
