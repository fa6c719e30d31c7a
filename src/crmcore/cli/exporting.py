"""`crm export-file`: all there is, as a file."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import click

from crmcore.cli.output import Context, pass_context, progress, show
from crmcore.errors import InvalidFile
from crmcore.flow.exporting.running import KINDS, Exported, ExportKind


@click.command("export-file")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--as", "kind", type=click.Choice(KINDS), required=True, help="What a row of the file is.")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@pass_context
def export_file(context: Context, file: Path, kind: str, force: bool) -> None:
    """Write all customers, events or deliveries to a file: .csv, .csv.gz, or Arrow (.arrow, .feather, .ipc).

    Customers and events are read back by `crm import`, into this store or another one, without loss.

    \b
    crm export-file customers.csv --as customers
    crm export-file events.csv.gz --as events
    crm export-file deliveries.arrow --as deliveries --force
    """
    if file.exists() and not force:
        raise InvalidFile(file=file, place="the file", problem="it is there already; --force writes over it")
    with context.crm() as crm, progress(context, file.name) as bar:
        exported = crm.export_file(cast("ExportKind", kind), file, bar)
    show(context, exported, _human)


def _human(found: Exported) -> None:
    click.echo(f"{found.rows:,} rows written to {found.path}")
