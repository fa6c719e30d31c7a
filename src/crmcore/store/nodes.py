"""Leases of id nodes: which process may give out which ids."""

from __future__ import annotations

import os
import threading

from sqlalchemy import Connection, Engine, func, select, update

from crmcore.errors import NoNodeFree
from crmcore.model.ids import EPOCH_MS, IdSource, LeaseEnded
from crmcore.model.time import iso
from crmcore.store.engine import writing
from crmcore.store.schema import node

LEASE_MS = 3_600_000
#: A lease taken inside a host's transaction serves that transaction only.
BORROWED_MS = 60_000


def lease(connection: Connection, now: int, span_ms: int) -> tuple[int, IdSource]:
    """Take the node that has been free longest for the next `span_ms`; return its number and its ids."""
    now_ms = max(0, now // 1000 - EPOCH_MS)
    free = select(node.c.node).where(node.c.until_ms <= now_ms).order_by(node.c.until_ms, node.c.node).limit(1)
    until = now_ms + span_ms
    taken = connection.execute(
        update(node).where(node.c.node == free.scalar_subquery()).values(until_ms=until).returning(node.c.node)
    ).scalar()
    if taken is None:
        soonest = connection.execute(select(func.min(node.c.until_ms))).scalar_one()
        raise NoNodeFree(until=iso((soonest + EPOCH_MS) * 1000))
    return taken, IdSource(taken, now_ms, until)


class Ids:
    """Row ids for one CRM: renews its lease in a transaction of its own, and takes a new one after a fork."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._pid = 0
        self._node = 0
        self._source: IdSource | None = None

    def ready(self, now: int) -> None:
        """Make sure the lease covers the next half hour; call it outside any transaction."""
        with self._lock:
            if not self._covers(now + LEASE_MS * 500):
                with writing(self._engine) as connection:
                    self._node, self._source = lease(connection, now, LEASE_MS)
                self._pid = os.getpid()

    def take(self, connection: Connection, count: int, now: int) -> list[int]:
        """Return `count` ids; where the lease has ended, those of a node borrowed inside the given transaction."""
        if self._pid == os.getpid() and self._source is not None:
            try:
                return self._source.take(count, now)
            except LeaseEnded:
                pass
        _, borrowed = lease(connection, now, BORROWED_MS + count // 4096)
        return borrowed.take(count, now)

    def release(self) -> None:
        """Give the node back, from the first millisecond not used."""
        with self._lock:
            source, self._source = self._source, None
            if source is None or self._pid != os.getpid():
                return
            with writing(self._engine) as connection:
                connection.execute(update(node).where(node.c.node == self._node).values(until_ms=source.high_water()))

    def _covers(self, moment: int) -> bool:
        return self._pid == os.getpid() and self._source is not None and self._source.covers(moment)
