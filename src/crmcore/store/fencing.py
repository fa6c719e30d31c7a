"""What a plugin that is told writes, within a limit: a listener that hangs in a transaction keeps nobody from writing for long."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from threading import Lock, Timer
from typing import Any, TypeVar, cast

import attrs
from sqlalchemy import CursorResult, Delete, Executable, Subquery, Table, Update

from crmcore.errors import TimeIsUp
from crmcore.hooks.tables import Tables
from crmcore.store.engine import driver_of, interrupt
from crmcore.store.scope import Scope, Write
from crmcore.store.tables import ScopedTables

Outcome = TypeVar("Outcome")
#: A statement of a plugin that is not over within so many seconds is interrupted.
SOON = 0.05
log = logging.getLogger("crmcore.notices")


class Fence:
    """The transactions of one telling, each `seconds` long at most. Once it has ended, nothing more is written.

    The transaction is rolled back by another thread than the one that hangs in it. Two locks keep the two apart: while one is
    held no statement begins, while the other is held the connection is not given back.
    """

    def __init__(self, write: Write, seconds: float) -> None:
        self._write, self._seconds = write, seconds
        self._running, self._leaving = Lock(), Lock()
        self._driver: Any = None
        self._ended = False

    def written(self, act: Callable[[Tables], Outcome], /) -> Outcome:
        """Return what `act` returns, once it is committed; raise TimeIsUp."""
        return self._write(partial(self._acted, act))

    def end(self) -> None:
        """Roll back what is written just now, and let nothing more be written."""
        with self._leaving:
            self._ended = True
            if self._driver is not None:
                self._cut(self._driver)

    def within(self, act: Callable[[], Outcome]) -> Outcome:
        """Return what one statement returns; raise TimeIsUp rather than begin it once this has ended."""
        with self._running:
            self._check()
            return act()

    def _acted(self, act: Callable[[Tables], Outcome], scope: Scope) -> Outcome:
        with self._leaving:
            self._check()
            self._driver = driver_of(scope.connection)
        timer = Timer(self._seconds, self.end)
        timer.daemon = True
        timer.start()
        try:
            outcome = act(FencedTables(ScopedTables(scope), self))
        finally:
            timer.cancel()
            with self._leaving:
                self._driver = None
        self._check()
        return outcome

    def _check(self) -> None:
        if self._ended:
            raise TimeIsUp(seconds=f"{self._seconds:g}")

    def _cut(self, driver: Any) -> None:
        try:
            if not self._running.acquire(timeout=SOON):
                interrupt(driver)
                self._running.acquire()
            try:
                driver.rollback()
            finally:
                self._running.release()
        except Exception:
            log.exception("a plugin's transaction could not be rolled back: it lasts until the plugin ends it")


@attrs.frozen
class FencedTables:
    """A module's tables, as long as its time is not up."""

    _tables: Tables
    _fence: Fence

    @property
    def workspace_id(self) -> int:
        """The workspace whose rows these are."""
        return self._tables.workspace_id

    @property
    def now(self) -> int:
        """The time, microseconds UTC."""
        return self._tables.now

    def new_ids(self, count: int) -> list[int]:
        """Return new row ids."""
        return self._fence.within(lambda: self._tables.new_ids(count))

    def table(self, table: Table) -> Subquery:
        """Return the workspace's rows of a table."""
        return self._tables.table(table)

    def insert(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert rows of the workspace."""
        self._fence.within(lambda: self._tables.insert(table, rows))

    def update(self, table: Table) -> Update:
        """Return an UPDATE of the workspace's rows."""
        return self._tables.update(table)

    def delete(self, table: Table) -> Delete:
        """Return a DELETE of the workspace's rows."""
        return self._tables.delete(table)

    def run(self, statement: Executable) -> CursorResult[*tuple[Any, ...]]:
        """Run a statement to its end, and take all that it returns: nothing is read once the transaction has ended."""
        return self._fence.within(lambda: _whole(self._tables.run(statement)))


def _whole(found: CursorResult[*tuple[Any, ...]]) -> CursorResult[*tuple[Any, ...]]:
    """Rows that are read already are those of a plain Result: they have no count of rows that changed, and need none."""
    return cast("CursorResult[*tuple[Any, ...]]", found.freeze()()) if getattr(found, "returns_rows", True) else found
