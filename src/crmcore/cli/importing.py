"""`crm import`."""

from __future__ import annotations

from pathlib import Path

import click

from crmcore.cli.output import Context, pass_context, progress, show, table
from crmcore.flow.importing.mapping import read_map
from crmcore.flow.importing.running import Imported


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--map", "mapping", required=True, type=click.Path(path_type=Path), help="Which column means what (TOML)."
)
@pass_context
def import_file(context: Context, file: Path, mapping: Path) -> None:
    """Import a CSV file (.gz and .xz too). The same file again changes nothing; interrupted, it goes on.

    \b
    crm import orders.csv --map orders.toml
    where orders.toml says:  kind = "orders"          # or customers, events
                             source = "shop"
                             currency = "EUR"
                             timezone = "Europe/Berlin"
                             [columns]
                             customer = "Customer"    # ref, item, quantity, price, at, ...
    """
    with context.crm() as crm, progress(context, file.name) as bar:
        imported = crm.import_file(file, read_map(mapping), bar)
    show(context, imported, _human)


def _human(done: Imported) -> None:
    rows: list[tuple[str, object]] = [("read", done.read), ("new", done.new), ("unchanged", done.unchanged)]
    rows += [("orders and returns", done.orders)] if done.orders else []
    rows += [(f"dropped: {reason}", count) for reason, count in done.dropped.items()]
    rows += [(f"refused: {reason}", count) for reason, count in sorted(done.refused.items())[:20]]
    table("Import", ("lines", "count"), rows)
