"""All that was ever said of customers, in the order in which it came in: the rows of the logs, merged by time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from heapq import merge
from typing import Any, NamedTuple

import attrs
from sqlalchemy import Column, Select, Table, literal, select

from crmcore.model.happens import ENTERED, LEFT
from crmcore.store import schema
from crmcore.store.replica import BATCH
from crmcore.store.scope import Scope


class Item(NamedTuple):
    """One row: when it came in (microseconds UTC), its id (0 where it has none), which table it is of."""

    at: int
    id: int
    kind: str
    row: Any


@attrs.frozen
class Log:
    """A table that is a log, and which of its columns says when a row came in."""

    table: Table
    received_at: str

    @property
    def kind(self) -> str:
        """What its rows are called."""
        return self.table.name.removeprefix("crm_")

    def select(self, scope: Scope, until: int) -> Select[Any]:
        """Return the select of what had come in by a time, in that order."""
        at = self._at
        mine = select(at.label("came_at"), self._id.label("row_id"), self.table)
        return mine.where(self.table.c.workspace_id == scope.workspace_id, at <= until).order_by(at, self._id)

    @property
    def _at(self) -> Column[Any]:
        return self.table.c[self.received_at]

    @property
    def _id(self) -> Any:
        return self.table.c.id if "id" in self.table.c else literal(0)


#: Offers have no more than the time of their latest statement; messages count, for caps, since they were handed over.
LOGS = (
    Log(schema.identity, "created_at"),
    Log(schema.link, "received_at"),
    Log(schema.account, "created_at"),
    Log(schema.account_attribute_log, "received_at"),
    Log(schema.attribute_log, "received_at"),
    Log(schema.event, "received_at"),
    Log(schema.consent, "received_at"),
    Log(schema.suppression_log, "received_at"),
    Log(schema.segment_member, "since"),
    Log(schema.offer, "at"),
    Log(schema.delivery, "handed_at"),
)


def items(scope: Scope, until: int, is_own: Callable[[Item], bool]) -> Iterator[Item]:
    """Yield what had come in by a time, in that order; but not who enters segments and leaves them: that follows from the rest.

    `is_own` tells what is left out besides, since it would be done again.
    """
    for one in merge(*(_read(scope, log, until) for log in LOGS), key=lambda item: (item.at, item.id)):
        is_told = one.kind == "event" and one.row.name in (ENTERED, LEFT)
        if not is_told and not is_own(one):
            yield one


def _read(scope: Scope, log: Log, until: int) -> Iterator[Item]:
    found = scope.connection.execute(log.select(scope, until).execution_options(yield_per=BATCH))
    for rows in found.partitions():
        for row in rows:
            yield Item(row.came_at, row.row_id, log.kind, row)
