"""A module's tables, of one workspace: what its plugin reaches the database through."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import attrs
from sqlalchemy import CursorResult, Delete, Executable, Subquery, Table, Update, delete, insert, update

from crmcore.errors import WorkspaceUnguarded
from crmcore.hooks.tables import InTables, Tables
from crmcore.store.guarding import unfiltered
from crmcore.store.scope import Scope, Write

Outcome = TypeVar("Outcome")


@attrs.frozen
class ScopedTables:
    """What a scope lets a module do."""

    _scope: Scope

    @property
    def workspace_id(self) -> int:
        """The workspace whose rows these are."""
        return self._scope.workspace_id

    @property
    def now(self) -> int:
        """The time, microseconds UTC."""
        return self._scope.now

    def new_ids(self, count: int) -> list[int]:
        """Return new row ids."""
        return self._scope.new_ids(count)

    def table(self, table: Table) -> Subquery:
        """Return the workspace's rows of a table."""
        return self._scope.table(table)

    def insert(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert rows of the workspace."""
        if rows:
            mine = [{**row, "workspace_id": self.workspace_id} for row in rows]
            self._scope.connection.execute(insert(table), mine)

    def update(self, table: Table) -> Update:
        """Return an UPDATE of the workspace's rows."""
        return update(table).where(table.c.workspace_id == self.workspace_id)

    def delete(self, table: Table) -> Delete:
        """Return a DELETE of the workspace's rows."""
        return delete(table).where(table.c.workspace_id == self.workspace_id)

    def run(self, statement: Executable) -> CursorResult[*tuple[Any, ...]]:
        """Run a statement that says whose rows it means; raise WorkspaceUnguarded for any other."""
        connection = self._scope.connection
        said = str(statement.compile(dialect=connection.dialect))  # type: ignore[attr-defined]  # what Core makes can be
        if found := unfiltered(said):
            raise WorkspaceUnguarded(tables=", ".join(sorted(found)), statement=said)
        return connection.execute(statement)


def in_tables(write: Write) -> InTables:
    """Return how a plugin writes in transactions of its own."""

    def written(act: Callable[[Tables], Outcome], /) -> Outcome:
        return write(lambda scope: act(ScopedTables(scope)))

    return written
