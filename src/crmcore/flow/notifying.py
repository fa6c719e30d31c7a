"""Notice hooks are told from the outbox: each plugin apart, at least once, in the order of commits, within a time budget.

A plugin that keeps failing, or does not come back, is left alone for a while; what it was to be told waits.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any

import attrs

from crmcore.flow.progress import Stop
from crmcore.flow.telling import OVERDUE, Came, Listeners, Telephone, parts, tell
from crmcore.hooks.setup import Setup
from crmcore.model.telling import Telling, failed, pause
from crmcore.model.time import SECOND
from crmcore.registry import Registry
from crmcore.store import cursors, notices
from crmcore.store.cursors import Cursor
from crmcore.store.fencing import Fence
from crmcore.store.notices import Notice
from crmcore.store.scope import Read, Scope, Write

BATCH = 1000
#: A process that died leaves its plugins to others so long after the time they had.
SPARE = 30 * SECOND
#: So many seconds a transaction of a plugin may last: on SQLite nobody else writes meanwhile.
HELD = 1.0
log = logging.getLogger("crmcore.notices")


@attrs.frozen(kw_only=True)
class Turn:
    """A plugin's turn: what it is told next, and how far it has come once it has been."""

    cursor: Cursor
    batch: Sequence[Notice]
    reach: int


@attrs.frozen(kw_only=True)
class Notifying:
    """How one process tells plugins; `owner` is its name in leases."""

    write: Write
    reading: Read
    workspace: str
    plugins: Mapping[str, Listeners]
    settings: Telling
    setup: Setup
    telephone: Telephone
    owner: str

    def notify(self, stop: Stop) -> int:
        """Tell every plugin what it has not been told, until `stop` says so; return how many notices were given."""
        if not self.plugins:
            return 0
        welcome(self.write, self.reading, self.plugins)
        line_up(self.write, self.reading)
        with self.reading() as scope:
            known, end, now = cursors.load(scope), notices.last(scope), scope.now
            old = notices.older(scope, now - self.settings.keep)
        behind = [one for one in sorted(self.plugins) if one in known and known[one].position < end]
        due = [one for one in behind if known[one].may_be_told(now)]
        told = sum(self._told(one, stop) for one in due if not (stop() or self.telephone.hangs(one)))
        if due:
            self.write(cursors.drop_told)
        while old is not None:
            old = self.write(partial(_drop_old, plugins=self.plugins, keep=self.settings.keep))
        return told

    def _told(self, plugin: str, stop: Stop) -> int:
        """Tell one plugin batch after batch; it keeps the others waiting for no longer than its budget."""
        count, hooks = 0, sorted(self.plugins[plugin])
        lease = self.settings.budget + SPARE
        turn = self.write(partial(_begin, plugin=plugin, owner=self.owner, hooks=hooks, lease=lease))
        while turn is not None:
            came = self._tell(plugin, turn.batch)
            reached = _moved(turn, came, 0).position
            count += sum(one.position <= reached for one in turn.batch)
            moved, leased = partial(_moved, turn, came), 0 if stop() else lease
            turn = self.write(partial(_go_on, moved=moved, owner=self.owner, hooks=hooks, lease=leased))
        return count

    def _tell(self, plugin: str, batch: Sequence[Notice]) -> Came:
        if not batch:
            return Came()
        came, seconds = Came(), self.settings.budget / SECOND
        fence = Fence(self.write, min(HELD, seconds))
        told = parts(self.workspace, batch, self.setup, fence.written)
        call = partial(tell, self.plugins[plugin], told, came)
        if self.telephone.call(call, plugin, seconds):
            came = attrs.evolve(came, problem=OVERDUE, overdue=True)
            fence.end()
        if came.problem is not None:
            log.warning("plugin %s failed on notices (%s); it will be told again", plugin, came.problem)
        return came


def welcome(write: Write, reading: Read, plugins: Collection[str]) -> None:
    """Let plugins that are new be told of what is committed from now on; those that are known go on where they were."""
    with reading() as scope:
        new = sorted(set(plugins) - set(cursors.load(scope)))
    if new:
        line_up(write, reading)
        write(partial(cursors.join, plugins=new))


def line_up(write: Write, reading: Read) -> None:
    """Give positions to what was committed."""
    with reading() as scope:
        waits = notices.any_waits(scope)
    while waits:
        waits = write(notices.line_up)


def by_plugin(registry: Registry) -> dict[str, Listeners]:
    """Return the listeners of each plugin, by hook."""
    found: dict[str, dict[str, list[Callable[..., Any]]]] = {}
    for hook, listeners in registry.listeners.items():
        for plugin, listener in listeners:
            found.setdefault(plugin, {}).setdefault(hook, []).append(listener)
    return dict(found)


def _begin(scope: Scope, plugin: str, owner: str, hooks: Sequence[str], lease: int) -> Turn | None:
    cursor = cursors.claim(scope, plugin, owner, scope.now + lease)
    return None if cursor is None else _turn(scope, cursor, hooks)


def _turn(scope: Scope, cursor: Cursor, hooks: Sequence[str]) -> Turn:
    end = notices.last(scope)
    batch = notices.after(scope, cursor.position, hooks, BATCH)
    return Turn(cursor=cursor, batch=batch, reach=batch[-1].position if len(batch) == BATCH else end)


def _go_on(scope: Scope, moved: Callable[[int], Cursor], owner: str, hooks: Sequence[str], lease: int) -> Turn | None:
    """Write how far a plugin has come; return its next turn, if there is one and it is still this process that tells it."""
    cursor = moved(scope.now)
    goes_on = bool(lease) and cursor.problem is None and cursor.position < notices.last(scope)
    kept = attrs.evolve(cursor, lease_until=scope.now + lease if goes_on else None)
    return _turn(scope, kept, hooks) if cursors.settle(scope, owner, kept) and goes_on else None


def _moved(turn: Turn, came: Came, now: int) -> Cursor:
    """Return where a plugin stands after its turn."""
    if came.problem is None:
        return attrs.evolve(turn.cursor, position=turn.reach, failures=0, closed_until=None, tried_at=now, problem=None)
    failures = failed(turn.cursor.failures, overdue=came.overdue)
    rest = pause(failures)
    return attrs.evolve(
        turn.cursor,
        position=turn.cursor.position if came.position is None else came.position,
        failures=failures,
        closed_until=None if rest is None else now + rest,
        tried_at=now,
        problem=came.problem,
    )


def _drop_old(scope: Scope, plugins: Mapping[str, Listeners], keep: int) -> int | None:
    """Drop what has been kept for long enough, told or not, a thousand notices at a time; return None once nothing is left."""
    old = notices.older(scope, scope.now - keep)
    if old is None:
        return None
    for plugin, cursor in sorted(cursors.load(scope).items()):
        if plugin in plugins and cursor.position < old:
            cursors.skip(scope, old, cursor, sorted(plugins[plugin]))
            log.warning("plugin %s was not told of notices that are too old by now; they are dropped", plugin)
    cursors.forget(scope, scope.now - keep)
    notices.drop(scope, old)
    return old
