"""How a module reaches its tables: one workspace, inside one transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from sqlalchemy import CursorResult, Delete, Executable, Subquery, Table, Update

Outcome = TypeVar("Outcome")


class Tables(Protocol):
    """A module's tables, its workspace's rows alone; what is written is kept or lost with the transaction it is in."""

    @property
    def workspace_id(self) -> int:
        """The workspace whose rows these are."""

    @property
    def now(self) -> int:
        """The time, microseconds UTC."""

    def new_ids(self, count: int) -> list[int]:
        """Return new row ids: 63 bits, later ones greater."""

    def table(self, table: Table) -> Subquery:
        """Return the rows of a table that belong to the workspace, to select from."""

    def insert(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert rows, which say all but their workspace."""

    def update(self, table: Table) -> Update:
        """Return an UPDATE of the workspace's rows, to be narrowed by `where` and run."""

    def delete(self, table: Table) -> Delete:
        """Return a DELETE of the workspace's rows, to be narrowed by `where` and run."""

    def run(self, statement: Executable) -> CursorResult[*tuple[Any, ...]]:
        """Run a statement made of the above; raise WorkspaceUnguarded for one that could reach another workspace."""


class InTables(Protocol):
    """How a plugin writes when it is not in a transaction yet."""

    def __call__(self, act: Callable[[Tables], Outcome], /) -> Outcome:
        """Return what `act` returns, once it is committed; it is called again where others were in its way."""
