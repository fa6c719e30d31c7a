"""`crm campaign`, `crm report`, `crm deliveries`, `crm settle`."""

from __future__ import annotations

from pathlib import Path

import click

from crmcore.cli.output import Context, pass_context, progress, show, table, to_address, when
from crmcore.cli.reporting import report_tables
from crmcore.cli.segments import plain_file
from crmcore.errors import InvalidCampaign, InvalidFile
from crmcore.ledger import SETTLED, Outcome
from crmcore.model.campaign import LONGEST_HORIZON, Campaign
from crmcore.model.delivery import State
from crmcore.store.deliveries import DeliveryView
from crmcore.store.overview import LatestRun
from crmcore.store.plans import campaign_of

#: Runs of which messages may still go.
UNDER_WAY = ("running", "paused")


@click.group()
def campaign() -> None:
    """List, launch and steer campaigns.

    \b
    crm campaign list
    crm campaign launch winback.toml && crm work
    """


@campaign.command("list")
@pass_context
def list_campaigns(context: Context) -> None:
    """List the campaigns, each with the state of its latest run.

    \b
    crm --db shop.db campaign list
    """
    with context.crm() as crm:
        found = crm.runs()

    def human(runs: list[LatestRun]) -> None:
        rows = [(one.campaign, one.state, when(one.started_at), one.reason) for one in runs]
        table("Campaigns", ("name", "latest run", "since (UTC)", "stands still since"), rows)

    show(context, found, human)


@campaign.command("launch")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--seed", default=0, show_default=True, help="Fixes who is held out.")
@pass_context
def launch_campaign(context: Context, file: Path, seed: int) -> None:
    """Launch a campaign from a TOML or JSON file, once its message could be made for everybody.

    \b
    crm --db shop.db campaign launch winback.toml
    where winback.toml says:  name = "winback"
                              purpose = "retention"
                              audience = "lapsed"       # a segment, or a condition
                              channel = "email"
                              template = "winback"
                              holdout = 0.1
    """
    given = campaign_in(file)
    with context.crm() as crm, progress(context, "checking") as bar:
        under_way = [one for one in crm.runs() if one.campaign == given.name and one.state in UNDER_WAY]
        launched = crm.launch(given, seed=seed, progress=bar)
    for one in under_way:
        beside = (
            "it stays as it is beside the new one, which alone `crm campaign pause|resume|cancel` reach from now on"
        )
        click.echo(f"Warning: an earlier run of {one.campaign} is {one.state}; {beside}.", err=True)
    enters = "" if given.trigger is None else " fit its audience now; they enter by its trigger"
    show(
        context,
        launched,
        lambda one: click.echo(
            f"{one.campaign}: {one.audience:,} customers{enters or f', {one.held_out:,} of them held out'}"
        ),
    )


def campaign_in(file: Path) -> Campaign:
    """Return the campaign of a file; raise InvalidFile."""
    plain = plain_file(file)
    try:
        return campaign_of(plain)
    except InvalidCampaign as error:
        place = f"campaign {error.fields['name'] or 'without a name'}"
        raise InvalidFile(file=file, place=place, problem=error.fields["problem"]) from error


@campaign.command("pause")
@click.argument("name")
@pass_context
def pause(context: Context, name: str) -> None:
    """Let a campaign stand still: nothing more of it is handed over.

    \b
    crm --db shop.db campaign pause winback
    """
    with context.crm() as crm:
        crm.pause(name)
    show(context, {"campaign": name, "state": "paused"}, lambda _: click.echo(f"{name} stands still."))


@campaign.command("resume")
@click.argument("name")
@pass_context
def resume(context: Context, name: str) -> None:
    """Let a campaign that stands still go on.

    \b
    crm --db shop.db campaign resume winback && crm --db shop.db work
    """
    with context.crm() as crm:
        crm.resume(name)
    show(context, {"campaign": name, "state": "running"}, lambda _: click.echo(f"{name} goes on."))


@campaign.command("cancel")
@click.argument("name")
@pass_context
def cancel(context: Context, name: str) -> None:
    """End a campaign; what waits of it is never sent.

    \b
    crm --db shop.db campaign cancel winback
    """
    with context.crm() as crm:
        count = crm.cancel(name)
    show(context, {"campaign": name, "cancelled": count}, lambda _: click.echo(f"{count:,} deliveries cancelled."))


@campaign.command("retry")
@click.argument("name")
@pass_context
def retry(context: Context, name: str) -> None:
    """Plan again what has failed of a campaign, and nothing else.

    \b
    crm --db shop.db campaign retry winback && crm --db shop.db work
    """
    with context.crm() as crm:
        count = crm.retry(name)
    show(context, {"campaign": name, "planned": count}, lambda _: click.echo(f"{count:,} deliveries planned again."))


@click.command()
@click.argument("name")
@click.option(
    "--days", type=click.IntRange(1, LONGEST_HORIZON), help="Count outcomes for so long; else as the goal says."
)
@pass_context
def report(context: Context, name: str, days: int | None) -> None:
    """Report what came of a campaign's latest run.

    \b
    crm --db shop.db report winback
    crm --db shop.db report winback --days 90
    """
    with context.crm() as crm:
        found = crm.report(name, days=days)
    show(context, found, report_tables)


@click.command()
@click.argument("name", required=False)
@click.option("--status", type=click.Choice([state.value for state in State]), help="Only those in this state.")
@click.option("--limit", default=50, show_default=True)
@pass_context
def deliveries(context: Context, name: str | None, status: str | None, limit: int) -> None:
    """List the ledger's rows of a campaign's latest run, or those of all campaigns that are in a state.

    \b
    crm --db shop.db deliveries winback
    crm --db shop.db deliveries --status in_doubt
    """
    if name is None and status is None:
        raise click.UsageError("name a campaign, or a --status.")
    with context.crm() as crm:
        found = crm.deliveries(name, status, limit)[:limit]

    def human(rows: list[DeliveryView]) -> None:
        shown = [
            (
                str(one.id),
                one.campaign,
                one.key or "",
                one.channel,
                to_address(one),
                one.state,
                one.reason,
                one.attempt,
                _due(one),
                when(one.settled_at),
            )
            for one in rows
        ]
        columns = (
            "delivery",
            "campaign",
            "customer",
            "by",
            "to",
            "state",
            "reason",
            "attempt",
            "due (UTC)",
            "settled (UTC)",
        )
        table(name or f"All that is {status}", columns, shown)

    show(context, found, human)


def _due(one: DeliveryView) -> str:
    """When it goes, or is looked at again; that of what has gone says nothing any more."""
    return when(one.due_at) if one.state in (State.PLANNED, State.DEFERRED) else ""


@click.command()
@click.argument("delivery", type=int)
@click.argument("outcome", type=click.Choice(sorted(SETTLED)))
@click.option("--note", default="", help="Why, for the ledger.")
@pass_context
def settle(context: Context, delivery: int, outcome: Outcome, note: str) -> None:
    """Say what became of a delivery in doubt; `again` sends it once more.

    \b
    crm --db shop.db settle 3463159637606400461 accepted --note "the customer has it"
    """
    with context.crm() as crm:
        crm.settle(delivery, outcome, note)
    show(context, {"delivery": str(delivery), "outcome": outcome}, lambda _: click.echo(f"{delivery}: {outcome}"))
