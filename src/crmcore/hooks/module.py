"""The Module contract: one type of CRM (sales, service, analytics) with tables, jobs, commands and routes of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import attrs

if TYPE_CHECKING:
    import click
    from sqlalchemy import Connection, MetaData


@attrs.frozen(kw_only=True)
class Schema:
    """A module's tables (named crm_<plugin>_*) and the package path of its Alembic migrations."""

    metadata: MetaData
    migrations: str
    head: str


@attrs.frozen(kw_only=True)
class Job:
    """Something `work` calls when it is due; `every` in seconds. It returns how much it did."""

    name: str
    every: float
    run: Callable[[Connection, int, int], int]


@attrs.frozen(kw_only=True)
class TimelineEntry:
    """One line of a customer's timeline."""

    at: int
    kind: str
    title: str
    detail: Mapping[str, Any] = attrs.field(factory=dict)


class Module(Protocol):
    """A CRM type. Whoever keeps tables must give `export` and `erase`."""

    name: str
    contract: int
    schema: Schema | None
    jobs: Sequence[Job]
    commands: Sequence[click.Command]

    def timeline(self, connection: Connection, workspace_id: int, customer_id: int) -> Iterable[TimelineEntry]:
        """Return what the module knows of a customer, as lines of a timeline."""

    def export(self, connection: Connection, workspace_id: int, customer_id: int) -> Mapping[str, Any]:
        """Return everything the module holds about a customer, as what JSON can hold."""

    def erase(self, connection: Connection, workspace_id: int, customer_id: int) -> int:
        """Delete everything the module holds about a customer; return how many rows."""
