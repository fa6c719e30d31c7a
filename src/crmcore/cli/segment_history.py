"""`crm segment why|overlap|history|trend`, and the members of a segment at a time."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from crmcore.app import CRM
from crmcore.cli.output import Context, pass_context, show, table, when
from crmcore.flow.explanation import Explanation, Line
from crmcore.flow.membership import MembershipChange, SizeAt
from crmcore.flow.segments import Member, Overlap
from crmcore.model.identity import Who

HOLDS = {True: "yes", False: "no"}


def time(text: str) -> datetime:
    """Return a day, or a time of it, as ISO 8601 writes it; in UTC where it names no zone. Raise BadParameter."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        wanted = "write a day, 2026-03-01, or a time, 2026-03-01T12:00 (UTC) or 2026-03-01T12:00+02:00"
        raise click.BadParameter(f"{text!r} is no time; {wanted}") from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def members_of(crm: CRM, name: str, at: datetime | None, limit: int, after: int) -> list[Member]:
    """Return the members of a segment now, or at a time."""
    found = crm.segment(name)
    return found.members(limit=limit, after=after) if at is None else found.at(at, limit=limit, after=after)


@click.command("why")
@click.argument("name")
@click.argument("key", required=False)
@click.option("--email", help="Look the customer up by e-mail address instead of the key.")
@click.option("--at", type=time, help="As it was at this time (UTC) rather than now.")
@pass_context
def why(context: Context, name: str, key: str | None, email: str | None, at: datetime | None) -> None:
    """Show why a customer is in a segment or is not: each part of the condition, and what decided it.

    \b
    crm --db shop.db segment why loyal 42
    crm --db shop.db segment why loyal --email ada@example.com --at 2026-03-01
    """
    who: Who = {"email": email} if email else (key or "")
    if not key and not email:
        raise click.UsageError("name a customer: KEY, or --email ADDRESS")
    with context.crm() as crm:
        found = crm.segment(name).why(who, at)

    def human(told: Explanation) -> None:
        columns = ("condition", "holds", "found", "events (UTC)")
        table(f"{name}: {HOLDS[told.holds]}", columns, map(explanation_row, told.lines()))

    show(context, found, human)


@click.command("overlap")
@click.argument("names", nargs=-1, required=True)
@pass_context
def overlap(context: Context, names: tuple[str, ...]) -> None:
    """Show how many customers each two of several segments share, and the size of each.

    \b
    crm --db shop.db segment overlap loyal lapsed big
    """
    with context.crm() as crm:
        found = crm.overlap(names)

    def human(told: Overlap) -> None:
        rows = [(name, *sizes) for name, sizes in zip(told.names, told.sizes, strict=True)]
        table("Customers in both", ("", *told.names), rows)

    show(context, found, human)


@click.command("history")
@click.argument("name")
@click.option("--since", type=time, required=True, help="Later than this time (UTC).")
@click.option("--until", type=time, help="Not later than this time (UTC); now, where it is left out.")
@pass_context
def history(context: Context, name: str, since: datetime, until: datetime | None) -> None:
    """List who entered a segment and who left it, in order, told from the logs.

    \b
    crm --db shop.db segment history loyal --since 2026-01-01
    crm --db shop.db --json segment history loyal --since 2026-01-01 --until 2026-02-01T12:00
    """
    with context.crm() as crm:
        found = crm.segment(name).history(since, until)

    def human(told: list[MembershipChange]) -> None:
        rows = [
            (when(one.at), "entered" if one.entered else "left", str(one.id), one.key or "(anonymous)") for one in told
        ]
        table(name, ("when (UTC)", "what", "id", "key"), rows)

    show(context, found, human)


@click.command("trend")
@click.argument("name")
@click.option("--since", type=time, required=True, help="From this time (UTC) on.")
@click.option("--until", type=time, help="Not later than this time (UTC); now, where it is left out.")
@click.option("--every", default="1d", show_default=True, help="From one size to the next, as in 12h, 1d or 2w.")
@pass_context
def trend(context: Context, name: str, since: datetime, until: datetime | None, every: str) -> None:
    """Show the size of a segment over time, told from the logs.

    \b
    crm --db shop.db segment trend loyal --since 2026-01-01
    crm --db shop.db --json segment trend loyal --since 2026-01-01 --until 2026-02-01 --every 1w
    """
    with context.crm() as crm:
        found = crm.segment(name).trend(since, until, every)

    def human(told: list[SizeAt]) -> None:
        table(name, ("when (UTC)", "size"), [(when(one.at), one.size) for one in told])

    show(context, found, human)


def explanation_row(line: Line) -> tuple[str, ...]:
    """Return a node of a condition as a row: the condition, whether it holds, what was found, and the events."""
    events = (f"{when(one.at)} {one.name}{'' if one.counts else ' (does not fit)'}" for one in line.events)
    return "  " * line.depth + line.condition, HOLDS[line.holds], line.found, "\n".join(events)


COMMANDS = (why, overlap, history, trend)
