"""Notice hooks are told from the outbox: each plugin apart, at least once, in order."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import groupby
from operator import attrgetter

from crmcore.hooks.notices import Notices
from crmcore.hooks.tables import InTables
from crmcore.registry import Registry
from crmcore.store import notices
from crmcore.store.notices import Notice
from crmcore.store.scope import Read, Write
from crmcore.store.tables import in_tables

BATCH = 1000
Listeners = Mapping[str, Sequence[Callable[..., None]]]
log = logging.getLogger("crmcore.notices")


def notify(write: Write, reading: Read, registry: Registry, workspace: str) -> int:
    """Tell every plugin what it has not been told; return how many notices were given."""
    plugins = _by_plugin(registry)
    told = sum(_tell(write, reading, workspace, plugin, hooks) for plugin, hooks in sorted(plugins.items()))
    if told:
        write(lambda scope: notices.prune(scope, sorted(plugins)))
    return told


def _by_plugin(registry: Registry) -> dict[str, dict[str, list[Callable[..., None]]]]:
    found: dict[str, dict[str, list[Callable[..., None]]]] = {}
    for hook, listeners in registry.listeners.items():
        for plugin, listener in listeners:
            found.setdefault(plugin, {}).setdefault(hook, []).append(listener)
    return found


def _tell(write: Write, reading: Read, workspace: str, plugin: str, hooks: Listeners) -> int:
    told = 0
    while True:
        with reading() as scope:
            batch = notices.unread(scope, plugin, sorted(hooks), BATCH)
        if not batch or not _is_told(workspace, plugin, hooks, batch, in_tables(write)):
            return told
        write(partial(notices.advance, plugin=plugin, notice_id=batch[-1].id))
        told += len(batch)


def _is_told(workspace: str, plugin: str, hooks: Listeners, batch: Sequence[Notice], write: InTables) -> bool:
    """A plugin that fails is told again next time; the others are not kept waiting."""
    try:
        for hook, group in groupby(batch, attrgetter("hook")):
            told = Notices(workspace=workspace, entries=tuple(one.entry for one in group), write=write)
            for listener in hooks[hook]:
                listener(told)
    except Exception:
        log.exception("plugin %s failed on a notice; it will be told again", plugin)
        return False
    return True
