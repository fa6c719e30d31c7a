"""`crm db rls`: row-level security on PostgreSQL."""

from __future__ import annotations

import click

from crmcore.cli.output import Context, pass_context
from crmcore.opening import engine_of
from crmcore.store import isolation
from crmcore.store.engine import write


@click.command("rls")
@click.argument("state", type=click.Choice(["on", "off"]))
@pass_context
def rls(context: Context, state: str) -> None:
    """Let PostgreSQL itself keep workspaces apart (on), or leave it to crmcore (off). Needs the owner of the tables.

    Tables of modules that are loaded are protected too. Restart what has the database open: only what is opened
    afterwards says in each transaction which workspace it is in.

    \b
    crm --db postgresql+psycopg://localhost/shop db rls on
    """
    with context.crm() as crm:
        modules = [one.schema.metadata.tables.values() for one in crm.registry.modules.values() if one.schema]
        engine = engine_of(crm.settings.database)
    turn = {"on": isolation.turn_on, "off": isolation.turn_off}[state]
    write(engine, lambda connection: turn(connection, isolation.tables(*modules)))
    click.echo(f"Row-level security is {state}.")
