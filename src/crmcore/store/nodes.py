"""Leases of id nodes: which process may give out which ids.

A lease moves the node's `until_ms` on, and nobody has given an id beyond it before: so no two leases overlap, whoever
takes them and whatever the clocks say. One that is rolled back takes with it the rows that carry its ids.
"""

from __future__ import annotations

import logging
import os
import threading
from functools import lru_cache
from typing import NoReturn

from sqlalchemy import Connection, Engine, TextClause, func, select, text, update
from sqlalchemy.exc import OperationalError

from crmcore.errors import NoNodeFree
from crmcore.model.ids import EPOCH_MS, NODES, PER_MS, IdSource, LeaseEnded
from crmcore.model.time import iso
from crmcore.store import forking
from crmcore.store.engine import write
from crmcore.store.schema import node

LEASE_MS = 3_600_000
#: A lease may begin this much ahead of the clock: one that stands still, or is put back, stops nobody.
AHEAD_MS = 60_000
#: Beyond any lease.
FAR_MS = 2**40
#: In which order nodes are looked through.
LONGEST_FREE, NEXT_FREE = "until_ms, node", "node"
_TAKE = """UPDATE crm_node SET until_ms = CASE WHEN until_ms > :now THEN until_ms ELSE :now END + :span
WHERE node = (SELECT node FROM crm_node WHERE until_ms <= :now + :ahead AND node >= :first ORDER BY {order} LIMIT 1 {lock})
RETURNING node, until_ms"""
_LOCK = {"sqlite": "", "postgresql": "FOR UPDATE SKIP LOCKED"}
log = logging.getLogger("crmcore.nodes")


def lease(connection: Connection, now: int, span_ms: int) -> IdSource:
    """Take `span_ms` of the node that has been free longest; raise NoNodeFree."""
    return _take(connection, LONGEST_FREE, now, span_ms) or _none_is_free(connection)


def borrow(connection: Connection, now: int, count: int) -> IdSource:
    """Take what `count` ids need of some free node, in a host's transaction and for one statement.

    Each thread begins to look at a node of its own: a transaction holds one row, and hardly ever one that another wants.
    Where none is free, what comes after somebody's lease is taken, rather than let the host's transaction fail.
    """
    first, span_ms = hash((os.getpid(), threading.get_ident())) % NODES, count // PER_MS + 1
    return (
        _take(connection, NEXT_FREE, now, span_ms, first=first)
        or _take(connection, NEXT_FREE, now, span_ms)
        or _take(connection, LONGEST_FREE, now, span_ms, ahead=FAR_MS)
        or _none_is_free(connection)
    )


def _take(
    connection: Connection, order: str, now: int, span_ms: int, *, first: int = 0, ahead: int = AHEAD_MS
) -> IdSource | None:
    values = {"now": max(0, now // 1000 - EPOCH_MS), "ahead": ahead, "span": span_ms, "first": first}
    taken = connection.execute(_statement(order, connection.dialect.name), values).one_or_none()
    return None if taken is None else IdSource(taken.node, taken.until_ms - span_ms, taken.until_ms)


@lru_cache
def _statement(order: str, dialect: str) -> TextClause:
    return text(_TAKE.format(order=order, lock=_LOCK[dialect]))


def _none_is_free(connection: Connection) -> NoReturn:
    soonest = connection.execute(select(func.min(node.c.until_ms))).scalar_one()
    raise NoNodeFree(until=iso((soonest + EPOCH_MS) * 1000))


class Ids:
    """Row ids for one CRM: leased in a transaction of its own; borrowed in a host's, where that lease has ended."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.forget()
        forking.forget_in_child(self)

    def forget(self) -> None:
        """Hold no lease, as after a fork: what the parent holds is the parent's."""
        self._lock = threading.Lock()
        self._source: IdSource | None = None

    def ready(self, now: int) -> None:
        """Make sure the lease covers the next half hour; call it outside any transaction."""
        with self._lock:
            if self._source is None or not self._source.covers(now + LEASE_MS * 500):
                self._source = write(self._engine, lambda connection: lease(connection, now, LEASE_MS))

    def take(self, connection: Connection, count: int, now: int) -> list[int]:
        """Return `count` ids; where no lease covers them, of a node borrowed inside the given transaction."""
        if (source := self._source) is not None:
            try:
                return source.take(count, now)
            except LeaseEnded:
                pass
        return borrow(connection, now, count).take(count, now)

    def release(self) -> None:
        """Give the node back, from the first millisecond of which no id was given."""
        with self._lock:
            source, self._source = self._source, None
            if source is None:
                return
            # Where the lease has ended, the node may be another's by now.
            mine = (node.c.node == source.node) & (node.c.until_ms == source.until_ms)
            try:
                given_back = update(node).where(mine).values(until_ms=source.end())
                write(self._engine, lambda connection: connection.execute(given_back))
            except OperationalError as error:
                log.info("node %s stays leased until its hour is over: %s", source.node, error.orig)
