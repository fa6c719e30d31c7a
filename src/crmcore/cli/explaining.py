"""`crm campaign explain`: what a campaign did with one customer, and why."""

from __future__ import annotations

from collections.abc import Iterable

import click

from crmcore.cli.output import Context, pass_context, show, table, to_address, when
from crmcore.cli.segment_history import HOLDS, explanation_row
from crmcore.flow.explanation import Explanation
from crmcore.flow.journeys.explained import Explained, Told, Way
from crmcore.model.identity import Who


@click.command("explain")
@click.argument("name")
@click.argument("key", metavar="CUSTOMER", required=False)
@click.option("--email", help="Look the customer up by e-mail address instead of the key.")
@pass_context
def explain(context: Context, name: str, key: str | None, email: str | None) -> None:
    """Show what a campaign sent to a customer, or why it sent nothing.

    \b
    crm --db shop.db campaign explain welcome 42
    crm --db shop.db campaign explain welcome --email ada@example.com
    """
    who: Who = {"email": email} if email else (key or "")
    if not key and not email:
        raise click.UsageError("name a customer: CUSTOMER, or --email ADDRESS")
    with context.crm() as crm:
        found = crm.explain(name, who)
    show(context, found, _human)


def _human(found: Explained) -> None:
    who = found.key or f"customer {found.customer_id}"
    said = f"{found.sent:,} sent" if found.sent else f"nothing sent: {found.because} ({found.reason})"
    click.echo(f"{found.campaign} ({found.state}), {who}: {said}.")
    if found.ways:
        table("Ways", ("entered (UTC)", "about", "held out", "now", "came by (UTC)"), map(_way, found.ways))
    if found.messages:
        rows = [
            (
                when(one.planned_at),
                one.step,
                _by(one),
                to_address(one),
                one.arm,
                one.state,
                one.says,
                when(one.settled_at),
            )
            for one in found.messages
        ]
        table("Messages", ("planned (UTC)", "step", "by", "to", "arm", "state", "why", "settled (UTC)"), rows)
    if found.refusals:
        refused = [(one.says, one.count, when(one.first_at), when(one.last_at)) for one in found.refusals]
        table("Not let in", ("why", "times", "first (UTC)", "last (UTC)"), refused)
    _conditions((("The audience", found.audience), ("What lets customers in", found.trigger)))


def _by(one: Told) -> str:
    return f"{one.channel}, after {one.follows}" if one.follows else one.channel


def _way(one: Way) -> tuple[str, ...]:
    path = "\n".join(f"{when(step.at)} {step.step}{f' ({step.way})' if step.way else ''}" for step in one.path)
    return when(one.entered_at), one.key, HOLDS[one.held_out], one.stands, path


def _conditions(told: Iterable[tuple[str, Explanation | None]]) -> None:
    for title, one in told:
        if one is not None:
            columns = ("condition", "holds", "found", "events (UTC)")
            table(f"{title}: {HOLDS[one.holds]}", columns, map(explanation_row, one.lines()))
