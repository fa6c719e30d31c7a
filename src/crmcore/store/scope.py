"""What every statement of the store needs: a connection, the workspace, the time, and where new ids come from."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol, TypeVar

import attrs
from sqlalchemy import Connection, Select, Table, select

from crmcore.model.identity import Identity
from crmcore.store.appended import Appended
from crmcore.store.touched import Touched

if TYPE_CHECKING:
    from sqlalchemy import Subquery

Result = TypeVar("Result")


@attrs.frozen(kw_only=True, repr=False)
class Scope:
    """One workspace inside one transaction.

    `now` in microseconds UTC; `new_ids(count)` gives row ids; `listened` names the notice hooks somebody listens to;
    `address_kinds` are those that each channel sends to, `each_address` names the channels that send to all of them;
    `actor` is who acts, for the audit log; `import_id` is the import that all rows written here come from,
    if any; `isolated` tells that row-level security is on; `touched` collects what is changed of customers, `appended` their
    events, and `settling` is what follows from both before the transaction ends (in a host's, it waits for its commit).
    """

    connection: Connection
    workspace_id: int
    now: int
    new_ids: Callable[[int], list[int]]
    secret: bytes
    listened: frozenset[str] = frozenset()
    address_kinds: Mapping[str, frozenset[str]] = attrs.field(factory=dict)
    each_address: frozenset[str] = frozenset()
    actor: str = ""
    import_id: int | None = None
    isolated: bool = False
    touched: Touched = attrs.field(factory=Touched)
    appended: Appended = attrs.field(factory=Appended)
    settling: Callable[[Scope], None] | None = None

    def settle(self) -> None:
        """Look at what follows from all that was written until now: who is in which segment, who enters or leaves a campaign."""
        if self.settling is not None:
            self.settling(self)

    def new_id(self) -> int:
        """Return one new row id."""
        return self.new_ids(1)[0]

    def table(self, table: Table) -> Subquery:
        """Return the rows of a table that belong to this workspace."""
        return self.rows(table).subquery(table.name)

    def rows(self, table: Table) -> Select[tuple[object, ...]]:
        """Return a select of the rows of a table that belong to this workspace."""
        return select(table).where(table.c.workspace_id == self.workspace_id)

    def hash(self, identity: Identity) -> bytes:
        """Return the salted hash that a suppression keeps of an identity."""
        return hashlib.blake2b(
            f"{identity.kind}:{identity.value}".encode(), digest_size=16, key=self.secret, person=b"suppression"
        ).digest()


class Write(Protocol):
    """How a transaction of our own is run: again, where others were in its way. It does rows and nothing else."""

    def __call__(self, act: Callable[[Scope], Result], /) -> Result:
        """Return what `act` returns, once it is committed."""


class Read(Protocol):
    """How one state of the database is read."""

    def __call__(self) -> AbstractContextManager[Scope]:
        """Open a transaction that only reads."""
