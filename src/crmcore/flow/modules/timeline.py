"""A customer's timeline: events, and the lines of modules, each read apart so that none takes the others with it."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from heapq import nlargest

from crmcore.flow.blaming import RAISED, why
from crmcore.hooks.module import Module, TimelineEntry
from crmcore.model.identity import Who
from crmcore.store import events, identities
from crmcore.store.events import TimelineLine
from crmcore.store.scope import Read
from crmcore.store.tables import ScopedTables

log = logging.getLogger("crmcore.modules")


def latest(reading: Read, modules: Mapping[str, Module], who: Who, limit: int) -> list[TimelineLine]:
    """Return the latest lines, newest first; raise UnknownCustomer."""
    with reading() as scope:
        customer_id = identities.owner(scope, who)[0]
        lines = events.timeline(scope, customer_id, limit)
    if not modules:
        return lines
    told = [line for _, module in sorted(modules.items()) for line in _told(reading, module, customer_id)]
    return nlargest(limit, [*lines, *told], key=lambda one: (one.at, one.id))


def _told(reading: Read, module: Module, customer_id: int) -> list[TimelineLine]:
    try:
        with reading() as scope:
            return [_line(module.name, one) for one in module.timeline(ScopedTables(scope), customer_id)]
    except RAISED as error:  # the others have their lines all the same
        log.error("module %s is left out of a timeline: %s", module.name, why(error))  # noqa: TRY400 - its text may hold anything
        return []


def _line(module: str, entry: TimelineEntry) -> TimelineLine:
    return TimelineLine(
        id=0,
        name=entry.kind,
        at=int(entry.at),
        properties=json.dumps(dict(entry.detail), ensure_ascii=False),
        module=module,
        title=entry.title,
    )
