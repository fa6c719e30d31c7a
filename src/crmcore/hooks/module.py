"""The Module contract: one type of CRM (sales, service, analytics) with tables, jobs, commands and routes of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import attrs

from crmcore.hooks.provider import HttpResponse, RawRequest
from crmcore.hooks.tables import InTables, Tables

if TYPE_CHECKING:
    import click
    from sqlalchemy import MetaData


@attrs.frozen(kw_only=True)
class Schema:
    """A module's tables, named crm_<plugin>_* and with `workspace_id` in their keys, and where its revisions are.

    `migrations` is the dotted path of a package that holds `versions/`, Alembic's revisions; `head` is the revision the
    code is written for. Revisions are kept in a version table of the plugin's own.
    """

    metadata: MetaData
    migrations: str
    head: str


@attrs.frozen(kw_only=True)
class Job:
    """Something `crm.work()` does when it is due; `every` in seconds.

    `run` is called on work's thread, in no transaction: it writes through what it is given, and returns how much it did.
    """

    name: str
    every: float
    run: Callable[[InTables], int]


@attrs.frozen(kw_only=True)
class Route:
    """A request that a module answers: under /modules/<plugin><path> of the ASGI app.

    `answer` is called on a thread of its own, with `now` in microseconds UTC.
    """

    method: str
    path: str
    answer: Callable[[RawRequest, InTables], HttpResponse]


@attrs.frozen(kw_only=True)
class TimelineEntry:
    """One line of a customer's timeline; `at` in microseconds UTC."""

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
    routes: Sequence[Route]

    def timeline(self, tables: Tables, customer_id: int) -> Iterable[TimelineEntry]:
        """Return what the module knows of a customer, as lines of a timeline."""

    def export(self, tables: Tables, customer_id: int) -> Mapping[str, Any]:
        """Return everything the module holds about a customer, as what JSON can hold."""

    def erase(self, tables: Tables, customer_id: int) -> int:
        """Delete everything the module holds about a customer; return how many rows."""
