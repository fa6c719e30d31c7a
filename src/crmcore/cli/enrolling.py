"""`crm campaign enter` and `crm campaign revise`: campaigns that are running."""

from __future__ import annotations

from pathlib import Path

import click

from crmcore.cli.campaigns import campaign_in
from crmcore.cli.output import Context, pass_context, progress, show
from crmcore.flow.journeys.revising import Revised


@click.command()
@click.argument("name")
@click.argument("customers", nargs=-1, required=True)
@click.option("--key", default="", help="What it is about: a cart, an order, a subscription.")
@pass_context
def enter(context: Context, name: str, customers: tuple[str, ...], key: str) -> None:
    """Let customers, named by their keys, enter a campaign that is running.

    \b
    crm --db shop.db campaign enter welcome 17850 13047
    crm --db shop.db campaign enter cart 17850 --key cart-42
    """
    with context.crm() as crm:
        count = crm.enter(name, list(customers), key)
    said = {"campaign": name, "entered": count, "named": len(customers)}
    show(context, said, lambda one: click.echo(f"{count:,} of {len(customers):,} entered {one['campaign']}."))


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--move", "moves", multiple=True, metavar="OLD=NEW", help="Whoever stands at OLD goes over to NEW.")
@click.option("--all", "every", is_flag=True, help="All go over; steps of the same name need no --move.")
@pass_context
def revise(context: Context, file: Path, moves: tuple[str, ...], every: bool) -> None:
    """Change a campaign that is running: who enters from now on goes the new way, others stay on theirs.

    \b
    crm --db shop.db campaign revise welcome.toml
    crm --db shop.db campaign revise welcome.toml --all
    crm --db shop.db campaign revise welcome.toml --move three_days=five_days
    """
    given = campaign_in(file)
    wanted = _moves(moves) if moves or every else None
    with context.crm() as crm, progress(context, "checking") as bar:
        revised = crm.revise(given, moves=wanted, progress=bar)

    def human(one: Revised) -> None:
        gone = f"{one.moved:,} went over, {one.staying:,} stay on theirs"
        click.echo(f"{one.campaign} is on version {one.version}: {gone}.")

    show(context, revised, human)


def _moves(given: tuple[str, ...]) -> dict[str, str]:
    pairs = [one.partition("=") for one in given]
    for old, sign, new in pairs:
        if not (old and sign and new):
            raise click.UsageError(f"--move {old}{sign}{new}: write OLD=NEW, as in --move three_days=five_days.")
    return {old: new for old, _, new in pairs}
