"""The buckets of limits, as rows: they survive restarts and hold over all processes.

A statement reads or locks all buckets of a batch, always in the order of their keys, so that no two batches wait for one
another.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import attrs
from sqlalchemy import ColumnElement, Double, cast, delete, func, or_, select, tuple_

from crmcore.model.limiting import LONGEST, PER_SECOND, Bucket, blocked_until
from crmcore.model.time import SECOND
from crmcore.store import bulk, schema
from crmcore.store.scope import Scope

WORKSPACE, CHANNEL, SENDER, DESTINATION, RECIPIENT = "workspace", "channel", "sender", "destination", "recipient"
#: The scope of a bucket, and which of that scope it is.
Key = tuple[str, str]
KEY = ("scope", "key")
STATE = ("tokens", "rate", "burst", "updated_at", "nominal", "blocked_until", "failures", "reason")
#: There are many of these, and most are used once.
NARROW = (DESTINATION, RECIPIENT)
AT_ONCE = 10_000


@attrs.frozen(kw_only=True)
class Paused:
    """A carrier that sends nothing before `until` (microseconds UTC), and why; `provider` is empty for a whole channel."""

    channel: str
    provider: str
    reason: str
    until: int


def read(scope: Scope, keys: Collection[Key]) -> dict[Key, Bucket]:
    """Return a few buckets as they stand; those nobody has used yet are not in it."""
    if not keys:
        return {}
    row = schema.limit.c
    which = or_(*((row.scope == one) & (row.key == key) for one, key in sorted(keys)))
    query = select(*(row[name] for name in (*KEY, *STATE))).where(row.workspace_id == scope.workspace_id, which)
    return _buckets(scope.connection.execute(query))


def hold(scope: Scope, fresh: Mapping[Key, Bucket], new: Collection[Key]) -> dict[Key, Bucket]:
    """Return buckets, nobody else's until the transaction ends; those not there yet are made as `fresh` has them.

    `new` are those that are probably not: made first and then locked with the rest, all come in the order of their keys.
    """
    _make(scope, {key: fresh[key] for key in new})
    found = _locked(scope, fresh)
    while missing := fresh.keys() - found:
        _make(scope, {key: fresh[key] for key in missing})
        found |= _locked(scope, missing)
    return found


def keep(scope: Scope, buckets: Mapping[Key, Bucket]) -> None:
    """Write buckets that are held."""
    bulk.update(scope, schema.limit, STATE, KEY, [(*_state(one), *key) for key, one in sorted(buckets.items())])


def restart(scope: Scope, keys: Collection[Key]) -> None:
    """Let buckets gain from now on only; they are waited for in the order of their keys."""
    bulk.run_many(scope, _RESTART, [(scope.now, *key, scope.now) for key in sorted(keys)])


_RESTART = """UPDATE crm_limit SET updated_at = : WHERE workspace_id = @ AND scope = : AND key = : AND updated_at < :"""


def troubled(scope: Scope) -> set[Key]:
    """Return the buckets that are blocked, slowed, or have failures: all but those of recipients."""
    row = schema.limit.c
    query = select(row.scope, row.key).where(
        row.workspace_id == scope.workspace_id,
        row.scope.in_((WORKSPACE, CHANNEL, SENDER, DESTINATION)),
        or_(_is_blocked(scope), row.rate < row.nominal, row.failures > 0),
    )
    return {(one, key) for one, key in scope.connection.execute(query)}


def paused(scope: Scope) -> list[Paused]:
    """Return the channels and carriers that send nothing at the moment."""
    row = schema.limit.c
    query = select(*(row[name] for name in (*KEY, *STATE))).where(
        row.workspace_id == scope.workspace_id, row.scope.in_((CHANNEL, SENDER)), _is_blocked(scope)
    )
    found = sorted(_buckets(scope.connection.execute(query)).items(), key=lambda one: one[0][1])
    return [_paused(key, bucket, scope.now) for (_, key), bucket in found]


def forget_idle(scope: Scope) -> int:
    """Drop buckets of destinations and recipients that are full again, at most ten thousand; return how many."""
    row = schema.limit.c
    filling = cast(row.burst - row.tokens, Double) * PER_SECOND / func.nullif(row.rate, 0)
    is_full = or_(row.rate == 0, filling < scope.now - row.updated_at - SECOND)
    idle = (
        select(row.scope, row.key)
        .where(row.workspace_id == scope.workspace_id, row.scope.in_(NARROW), is_full)
        .where(or_(row.nominal.is_(None), row.rate >= row.nominal), ~_is_blocked(scope))
        .limit(AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    dropped = delete(schema.limit).where(row.workspace_id == scope.workspace_id, tuple_(row.scope, row.key).in_(idle))
    return scope.connection.execute(dropped).rowcount


def carried_since(scope: Scope, deliveries: Collection[int]) -> int:
    """Return when the first of these deliveries was handed over."""
    rows = bulk.select_in(scope, schema.delivery, ("handed_at",), {}, "id", sorted(deliveries))
    return min((handed_at for (handed_at,) in rows if handed_at is not None), default=scope.now)


def _is_blocked(scope: Scope) -> ColumnElement[bool]:
    until = schema.limit.c.blocked_until
    return until.is_not(None) & until.between(scope.now + 1, scope.now + LONGEST)


def _make(scope: Scope, buckets: Mapping[Key, Bucket]) -> None:
    rows = [(*key, *_state(one)) for key, one in sorted(buckets.items())]
    bulk.insert(scope, schema.limit, (*KEY, *STATE), rows, "ON CONFLICT DO NOTHING")


def _locked(scope: Scope, keys: Collection[Key]) -> dict[Key, Bucket]:
    return _buckets(bulk.lock_pairs(scope, schema.limit, (*KEY, *STATE), KEY, keys))


def _buckets(rows: Any) -> dict[Key, Bucket]:
    return {
        (one, key): Bucket(
            tokens=tokens,
            rate=rate,
            burst=burst,
            updated_at=updated_at,
            nominal=nominal,
            blocked_until=until or 0,
            failures=failures or 0,
            reason=reason or "",
        )
        for one, key, tokens, rate, burst, updated_at, nominal, until, failures, reason in rows
    }


def _state(one: Bucket) -> tuple[object, ...]:
    return (
        one.tokens,
        one.rate,
        one.burst,
        one.updated_at,
        one.nominal,
        one.blocked_until or None,
        one.failures or None,
        one.reason or None,
    )


def _paused(key: str, bucket: Bucket, now: int) -> Paused:
    channel, _, provider = key.partition("/")
    return Paused(channel=channel, provider=provider, reason=bucket.reason, until=blocked_until(bucket, now))
