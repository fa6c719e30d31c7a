"""`crm demo`."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import click

from crmcore.cli.output import Context, pass_context, progress, show, table
from crmcore.cli.reporting import report_tables
from crmcore.demo.story import Told, tell
from crmcore.model.money import Money


@click.command()
@click.option(
    "--data", type=click.Path(path_type=Path), help="The complete Online Retail file, or the folder it is in."
)
@click.option("--directory", type=click.Path(path_type=Path), default=Path(), help="Where demo.db and the mails go.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as one JSON object.")
@pass_context
def demo(context: Context, data: Path | None, directory: Path, as_json: bool) -> None:
    """Watch a year of a real shop's orders become customers, segments, offers, mails and a report.

    \b
    crm demo
    crm demo --data online_retail.csv.gz --json
    """
    _check_plugins()
    given = Context(database=None, workspace=None, config=None, as_json=as_json or context.as_json)
    with progress(given, "a year of orders") as orders, progress(given, "mails") as mails:
        told = tell(directory, data, orders, mails)
    show(given, told.figures, lambda _: _human(told))


def _check_plugins() -> None:
    """The demo sends mails with offers: say what that takes before anything is written."""
    names = ("crm_email", "crm_recommend")
    if missing := [one for one in names if find_spec(one) is None]:
        places = " ".join(f"PATH_OF_THE_CLONE/plugins/{one}" for one in names)
        problem = f"the demo needs {' and '.join(names)}, and {' and '.join(missing)} is not installed"
        raise click.ClickException(f"{problem}: pip install {places}")


def _human(told: Told) -> None:
    figures = told.figures
    click.echo("Orders: UCI Online Retail (Chen 2015, CC BY 4.0). Addresses, consents and reactions are made up.\n")
    shop = [(figures.customers, figures.orders, str(Money(figures.revenue_minor, "GBP")))]
    table("A year of a shop", ("customers", "orders", "revenue"), shop)
    table("Segments", ("name", "size"), list(figures.segments.items()))
    for report in told.reports:
        report_tables(report)
    click.echo(f"\n{figures.seconds:.1f} s, {figures.peak_mb:.0f} MB at the peak. Written:")
    for path in told.written:
        click.echo(f"  {path}")
    click.echo("\nTry next:")
    for command in told.next_commands:
        click.echo(f"  {command}")
