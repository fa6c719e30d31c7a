"""`crm campaign show`: the steps of a campaign, drawn."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from crmcore.cli.campaigns import campaign_in
from crmcore.cli.output import Context, pass_context, show
from crmcore.errors import InvalidFile
from crmcore.model.outline import Outline, outline

#: How the files of campaigns end.
FILES = (".toml", ".json")


@click.command("show")
@click.argument("name", metavar="NAME|FILE")
@click.option("--svg", "target", type=click.Path(path_type=Path), metavar="OUT", help="Draw the steps in this file.")
@pass_context
def show_campaign(context: Context, name: str, target: Path | None) -> None:
    """Show the steps of a campaign, and how many customers stand at each; of a file, the steps.

    \b
    crm --db shop.db campaign show welcome
    crm --db shop.db campaign show welcome --svg welcome.svg
    crm campaign show welcome.toml
    """
    found = outline(campaign_in(Path(name))) if name.endswith(FILES) else _launched(context, name)
    if target is not None:
        _draw(found, target)
    show(context, found, _human)
    if target is not None:
        click.echo(f"Drawn in {target}.", err=True)


def _launched(context: Context, name: str) -> Outline:
    with context.crm() as crm:
        return crm.outline(name)


def _draw(found: Outline, target: Path) -> None:
    from crmcore.cli.drawing import svg

    try:
        target.write_text(svg(found), encoding="utf-8")
    except OSError as error:
        raise InvalidFile(file=target, place="the file", problem=str(error)) from error


def _human(found: Outline) -> None:
    from rich.console import Console

    from crmcore.cli.drawing import tree

    run = f" ({found.state}, version {found.version})" if found.state else ""
    click.echo(f"{found.campaign}{run}: {found.purpose}")
    click.echo(f"for: {found.audience}")
    for word, said in (("ended by", found.exits), ("goal", found.goals)):
        for one in said:
            click.echo(f"{word}: {one}")
    Console(width=None if sys.stdout.isatty() else 120, emoji=False).print(tree(found))
    for step, count in found.elsewhere.items():
        click.echo(f"{count:,} at {step}, a step of an earlier version")
