"""`crm db rls`: row-level security on PostgreSQL."""

from __future__ import annotations

import click
from sqlalchemy import Connection, Table

from crmcore.cli.migrating import engine_for
from crmcore.cli.output import Context, pass_context
from crmcore.migrations import modules
from crmcore.store import isolation
from crmcore.store.engine import write


@click.command("rls")
@click.argument("state", type=click.Choice(["on", "off"]))
@pass_context
def rls(context: Context, state: str) -> None:
    """Let PostgreSQL itself keep workspaces apart (on), or leave it to crmcore (off). Needs the owner of the tables.

    Tables of modules are protected too, those no longer installed included. Restart what has the database open: only what is opened
    afterwards says in each transaction which workspace it is in.

    \b
    crm --db postgresql+psycopg://localhost/shop db rls on
    """
    turn = {"on": isolation.turn_on, "off": isolation.turn_off}[state]
    with engine_for(context) as engine:
        write(engine, lambda connection: turn(connection, _protected(connection)))
    click.echo(f"Row-level security is {state}.")


def _protected(connection: Connection) -> list[Table]:
    found = [modules.tables(connection, name) for name in modules.distributions(connection)]
    return isolation.tables(*found)
