"""When jobs of modules ran last, and who is at one: none is run by two workers at once, or twice for one time."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
from sqlalchemy import ColumnElement, or_, select, update

from crmcore.errors import JobTaken
from crmcore.model.time import DAY, MINUTE
from crmcore.store import bulk, schema
from crmcore.store.scope import Scope

#: For so long nobody else runs a job whose worker writes nothing; each write begins it anew.
LEASE = 15 * MINUTE
#: Clocks of workers differ by less.
TURNED_BACK = DAY
UNENDED = "it was begun and has not ended"
_NEW = ("module", "name", "due_at", "failures")


@attrs.frozen(order=True)
class Key:
    """A job: its module and its name."""

    module: str
    name: str


@attrs.frozen(kw_only=True)
class Failing:
    """A job that has failed `failures` times in a row, the last time at `ran_at` (microseconds UTC)."""

    module: str
    job: str
    problem: str
    failures: int
    ran_at: int


def due(scope: Scope, every: Mapping[Key, int]) -> list[Key]:
    """Return which of these jobs are due, given how often each is (microseconds), and have nobody at them."""
    row = schema.job.c
    query = select(row.module, row.name, row.ran_at, row.lease_until).where(row.workspace_id == scope.workspace_id)
    rests = {
        key
        for module, name, ran_at, lease_until in scope.connection.execute(query)
        if (key := Key(module, name)) in every and _rests(ran_at, lease_until, scope.now, every[key])
    }
    return sorted(every.keys() - rests)


def _rests(ran_at: int | None, lease_until: int | None, now: int, every: int) -> bool:
    """What ran, or is leased, at a time that is to come was written before the time was turned back: it tells nothing."""
    has_run = ran_at is not None and now - every < ran_at <= now + TURNED_BACK
    return has_run or (lease_until is not None and now < lease_until <= now + TURNED_BACK)


def claim(scope: Scope, key: Key, owner: str, every: int) -> bool:
    """Begin a job; tell whether it was due still, with nobody at it. It counts as failed until it has ended."""
    bulk.insert(scope, schema.job, _NEW, [(key.module, key.name, scope.now, 0)], bulk.NEW_ONLY)
    row = schema.job.c
    later = scope.now + TURNED_BACK
    is_due = or_(row.ran_at.is_(None), row.ran_at <= scope.now - every, row.ran_at > later)
    is_free = or_(row.lease_until.is_(None), row.lease_until <= scope.now, row.lease_until > later)
    begun = update(schema.job).where(*_of(scope, key), is_due, is_free)
    values = {
        "ran_at": scope.now,
        "due_at": scope.now + max(every, LEASE),
        "claimed_by": owner,
        "lease_until": scope.now + LEASE,
        "failures": row.failures + 1,
        "problem": UNENDED,
    }
    return scope.connection.execute(begun.values(values)).rowcount == 1


def hold(scope: Scope, key: Key, owner: str) -> None:
    """Begin the lease anew; raise JobTaken where the job is another's by now. Who writes holds the row until it commits."""
    held = update(schema.job).where(*_of(scope, key), schema.job.c.claimed_by == owner)
    if scope.connection.execute(held.values(lease_until=scope.now + LEASE)).rowcount != 1:
        raise JobTaken(module=key.module, job=key.name)


def end(scope: Scope, key: Key, owner: str, every: int) -> None:
    """Note that a job is done; it is due again a while after it began."""
    _settle(scope, key, owner, every, {"failures": 0, "problem": None})


def fail(scope: Scope, key: Key, owner: str, every: int, problem: str) -> None:
    """Note why a job has failed; it is due again when it would be had it not."""
    _settle(scope, key, owner, every, {"problem": problem})


def _settle(scope: Scope, key: Key, owner: str, every: int, values: Mapping[str, str | int | None]) -> None:
    row = schema.job.c
    ended = update(schema.job).where(*_of(scope, key), row.claimed_by == owner)
    scope.connection.execute(ended.values(claimed_by=None, lease_until=None, due_at=row.ran_at + every, **values))


def failing(scope: Scope) -> list[Failing]:
    """Return the jobs that failed when they ran last, by module and name; what is under way is none of them."""
    row = schema.job.c
    query = select(row.module, row.name.label("job"), row.problem, row.failures, row.ran_at).where(
        row.workspace_id == scope.workspace_id,
        row.failures > 0,
        or_(row.lease_until.is_(None), row.lease_until <= scope.now),
    )
    return [Failing(**one._asdict()) for one in scope.connection.execute(query.order_by(row.module, row.name))]


def _of(scope: Scope, key: Key) -> list[ColumnElement[bool]]:
    row = schema.job.c
    return [row.workspace_id == scope.workspace_id, row.module == key.module, row.name == key.name]
