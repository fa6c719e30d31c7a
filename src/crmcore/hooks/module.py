"""The Module contract: one type of CRM (sales, service, analytics) with tables, jobs, commands and routes of its own.

Where <plugin> is said here, the module's name is meant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol

import attrs

from crmcore.hooks.provider import HttpResponse, RawRequest
from crmcore.hooks.tables import InTables, Tables

if TYPE_CHECKING:
    import click
    from sqlalchemy import MetaData


@attrs.frozen(kw_only=True)
class Schema:
    """A module's tables, named crm_<plugin>_*, and where its revisions are.

    Each key and index begins with `workspace_id`, columns are INTEGER, BIGINT, TEXT, BLOB or BOOLEAN, and no foreign key
    leads into tables of others. `migrations` is the dotted path of a package that holds `versions/`, Alembic's revisions (it
    needs no env.py); `head` is the revision the code is written for. How far a database is stands in crm_alembic_<plugin>:
    `crm db upgrade` goes to the head, and a plugin whose tables are not there is left out.
    """

    metadata: MetaData
    migrations: str
    head: str


@attrs.frozen(kw_only=True)
class Job:
    """Something `crm.work()` does when it is due: `every` so many seconds in each workspace, by one worker.

    `run` is called on work's thread, in no transaction: it writes through what it is given, and returns how much it did.
    What it raises is logged and told, and it is tried again at its next time. It has a lease of 15 minutes, which each
    write begins anew; one that writes nothing for longer may be run by another worker, and its next write raises JobTaken.
    """

    name: str
    every: float
    run: Callable[[InTables], int]


@attrs.frozen(kw_only=True)
class Route:
    """A request that a module answers: under /modules/<plugin><path> of the ASGI app, by exactly this path.

    `answer` is called on a thread of its own and has ten seconds; the time is `now` of the tables. Whoever asks may be
    anybody: it checks that itself. What it raises is answered 500, and said in the log alone.
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


class CommandContext(Protocol):
    """What a module's command is given by `click.pass_obj`: the options that stand before it."""

    @property
    def as_json(self) -> bool:
        """Whether the answer is to be JSON."""

    def crm(self) -> AbstractContextManager[Any]:
        """Return the CRM that the options name, to be left by `with`; it has `in_tables`, and all that hosts use."""


class Module(Protocol):
    """A CRM type. Whoever keeps tables must give `export` and `erase`.

    `commands` stand beside those of `crm`; one whose name is taken is a Fault and left out. Decorated by
    `click.pass_obj`, a command is given a CommandContext::

        @click.command("tickets")
        @click.pass_obj
        def tickets(context: CommandContext) -> None:
            with context.crm() as crm:
                found = crm.in_tables(open_tickets)
    """

    name: str
    contract: int
    schema: Schema | None
    jobs: Sequence[Job]
    commands: Sequence[click.Command]
    routes: Sequence[Route]

    def timeline(self, tables: Tables, customer_id: int) -> Iterable[TimelineEntry]:
        """Return what the module knows of a customer, as lines of a timeline. It only reads."""

    def export(self, tables: Tables, customer_id: int) -> Mapping[str, Any]:
        """Return everything the module holds about a customer, as what JSON can hold."""

    def erase(self, tables: Tables, customer_id: int) -> int:
        """Delete everything the module holds about a customer; return how many rows."""
