"""`crm db`: the schema of the core and of each module, looked at and brought up to date."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import attrs
import click
from sqlalchemy import Connection, Engine

from crmcore import migrations
from crmcore.cli.output import Context, pass_context, show, table
from crmcore.hooks.module import Module
from crmcore.hooks.setup import Setup
from crmcore.migrations import modules
from crmcore.model.time import SystemClock
from crmcore.opening import engine_of, reached
from crmcore.registry import Registry
from crmcore.settings import settings

CORE = "crmcore"


@attrs.frozen(kw_only=True)
class Revision:
    """Where a database is in the revisions of a distribution; `needed` is None for a module that is not installed."""

    distribution: str
    current: str | None
    needed: str | None


@click.group()
def db() -> None:
    """Look at the schema, or bring it up to date.

    \b
    crm --db postgresql+psycopg://localhost/shop db status
    crm --db shop.db db upgrade
    """


@db.command("status")
@pass_context
def status(context: Context) -> None:
    """Show which revision the tables of the core and of each module are at, and the one that is needed.

    \b
    crm --db shop.db db status
    """
    with engine_for(context) as engine, engine.connect() as connection:
        found = revisions(connection, list(registered(context).modules.values()))
    show(context, found, _human)


@db.command("upgrade")
@click.option("--sql", "only_sql", is_flag=True, help="Print the statements instead of running them.")
@pass_context
def upgrade(context: Context, only_sql: bool) -> None:
    """Bring the schema up to date, each distribution in one transaction: the core, then the modules.

    Exits with 1 where the tables of a module could not be; the others are.

    \b
    crm --db shop.db db upgrade
    crm --db postgresql+psycopg://localhost/shop db upgrade --sql > upgrade.sql
    """
    found = list(registered(context).modules.values())
    if only_sql:
        dialect = engine_of(database_of(context)).dialect.name
        click.echo("\n".join([migrations.sql(dialect), *(modules.sql(one, dialect) for one in found)]))
        return
    with engine_for(context) as engine:
        migrations.upgrade(engine)
        failed = list(_failed(engine, found))
        with engine.connect() as connection:
            show(context, revisions(connection, found), _human)
    for said in failed:
        click.echo(said, err=True)
    if failed:
        raise click.exceptions.Exit(1)


def database_of(context: Context) -> str:
    """Return the database that the options, or the settings, name."""
    return settings({"database": context.database}, file=context.config).database


@contextmanager
def engine_for(context: Context) -> Iterator[Engine]:
    """Open the database that the options name, whatever tables it has; raise DatabaseUnusable."""
    engine = engine_of(database_of(context))
    try:
        with reached(engine), engine.connect():
            """It can be."""
        yield engine
    finally:
        engine.dispose()


def registered(context: Context) -> Registry:
    """Return what the installed plugins register, whatever any database says of them."""
    from crmcore import loader

    found = settings({}, file=context.config)
    return loader.load(Setup(clock=SystemClock(), settings=found.tables), blocked=frozenset(found.blocked))


def revisions(connection: Connection, found: Sequence[Module]) -> list[Revision]:
    """Return where a database is: in the revisions of the core, of modules, and of those that are no longer there."""
    needed = {one.name: one.schema.head for one in found if one.schema is not None}
    gone = [name for name in modules.distributions(connection) if name not in needed]
    core = Revision(distribution=CORE, current=migrations.current(connection), needed=migrations.HEAD)
    of_modules = [
        Revision(distribution=name, current=modules.current(connection, name), needed=needed.get(name))
        for name in sorted([*needed, *gone])
    ]
    return [core, *of_modules]


def _failed(engine: Engine, found: Sequence[Module]) -> Iterator[str]:
    """Upgrade each module; yield what is wrong with those whose revisions cannot be run."""
    for one in found:
        try:
            modules.upgrade(engine, one)
        except Exception as error:  # noqa: BLE001 - revisions of a plugin may raise anything; the others are run
            yield f"The tables of {one.name} stay as they are: {type(error).__name__}: {error}"


def _human(found: Sequence[Revision]) -> None:
    rows = [(one.distribution, one.current or "none", one.needed or "not installed") for one in found]
    table("Schema", ("distribution", "current", "needed"), rows)
