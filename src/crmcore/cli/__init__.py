"""The command `crm`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from crmcore.cli import (
    admin,
    auditing,
    campaigns,
    channels,
    coupons,
    customers,
    enrolling,
    explaining,
    exporting,
    importing,
    isolating,
    knowing,
    migrating,
    plugin,
    plugins,
    privacy,
    quarantine,
    schema,
    segments,
    sending,
    showing,
    simulating,
    templates,
    working,
)
from crmcore.cli.demonstration import demo
from crmcore.cli.modules import Extended, given_to
from crmcore.cli.output import Context, spoken

__all__ = ["crm", "main"]


@click.group(cls=Extended, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="crmcore")
@click.option("--db", "database", metavar="URL|PATH", help="The database: a URL, or the path of a SQLite file.")
@click.option("--workspace", help="The workspace (default: default).")
@click.option("--actor", help="Who acts, for the audit log (default: who runs this).")
@click.option(
    "--config", type=click.Path(path_type=Path), help="The settings file (default: crm.toml where there is one)."
)
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print JSON: an object, or an array where there are several. It stands before the command.",
)
@click.pass_context
def crm(
    context: click.Context,
    database: str | None,
    workspace: str | None,
    actor: str | None,
    config: Path | None,
    as_json: bool,
) -> None:
    """The CRM that lives inside your product.

    \b
    crm demo                                 a year of a real shop, from orders to a report
    crm --db demo.db segment list
    crm --db demo.db customer 17850
    crm --db demo.db --json report winback
    """
    options = Context(database=database, workspace=workspace, config=config, as_json=as_json, actor=actor)
    context.obj = given_to(context, options)


for command in (
    admin.doctor,
    admin.rebuild,
    admin.stats,
    auditing.audit,
    campaigns.campaign,
    campaigns.deliveries,
    campaigns.report,
    campaigns.settle,
    channels.channels,
    coupons.coupon,
    customers.customer,
    demo,
    exporting.export_file,
    importing.import_file,
    importing.imports,
    plugin.plugin,
    plugins.plugins,
    privacy.erase,
    privacy.export,
    privacy.retention,
    quarantine.quarantine,
    schema.schema,
    knowing.contradictions,
    knowing.duplicates,
    knowing.history,
    migrating.db,
    segments.segment,
    sending.send,
    templates.template,
    working.work,
):
    crm.add_command(command)
migrating.db.add_command(isolating.rls)
for command in (
    campaigns.report,
    enrolling.enter,
    enrolling.revise,
    explaining.explain,
    showing.show_campaign,
    simulating.backtest,
    simulating.simulate,
):
    campaigns.campaign.add_command(command)


def main() -> None:
    """Run the command line."""
    with spoken(as_json="--json" in sys.argv):
        try:
            code = crm(standalone_mode=False)
        except click.Abort:
            raise KeyboardInterrupt from None
        except click.ClickException as error:
            error.show()
            code = error.exit_code
    sys.exit(code if isinstance(code, int) else 0)
