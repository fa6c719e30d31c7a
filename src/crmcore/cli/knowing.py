"""`crm duplicates`, `crm history`: what is known, and how it came to be."""

from __future__ import annotations

import click

from crmcore.cli.output import Context, pass_context, progress, show, table, when
from crmcore.model.duplicates import Duplicate, Duplicates, Side
from crmcore.model.identity import Who
from crmcore.store.history import Written
from crmcore.store.links import Contradiction


@click.command()
@click.option("--threshold", default=0.5, show_default=True, help="How probable a pair must be, from 0 to 1.")
@click.option("--limit", default=20, show_default=True, help="How many pairs to show.")
@click.option("--largest", default=100, show_default=True, help="Skip what more customers than this share.")
@pass_context
def duplicates(context: Context, threshold: float, limit: int, largest: int) -> None:
    """Suggest customers that are probably one, best first, with the reasons. Nothing is changed.

    \b
    crm --db shop.db duplicates
    crm --db shop.db --json duplicates --threshold 0.9 --limit 1000
    """
    with context.crm() as crm, progress(context, "customers") as bar:
        found = crm.duplicates(threshold, limit, largest=largest, progress=bar)
    show(context, found, _duplicates)


@click.command()
@click.option("--limit", default=50, show_default=True, help="How many to show.")
@pass_context
def contradictions(context: Context, limit: int) -> None:
    """List what was said of who is who and is refused: it would join two customers known by a key each.

    \b
    crm --db shop.db contradictions --limit 10
    """
    with context.crm() as crm:
        found = crm.contradictions(limit)

    def human(rows: list[Contradiction]) -> None:
        shown = [
            (
                f"{one.one.kind} {one.one.value}",
                f"{one.other.kind} {one.other.value}",
                one.kind,
                when(one.at),
                one.reason,
            )
            for one in rows
        ]
        table("Contradictions", ("one", "other", "said", "when (UTC)", "reason"), shown)

    show(context, found, human)


@click.command()
@click.argument("key", required=False)
@click.option("--email", help="Look the customer up by e-mail address instead of the key.")
@click.option("--name", help="Only this attribute, tag, topic, purpose, account, or kind of identity.")
@click.option("--limit", default=50, show_default=True, help="How many lines to show.")
@pass_context
def history(context: Context, key: str | None, email: str | None, name: str | None, limit: int) -> None:
    """Show what was ever said of a customer, the latest first, with its source.

    \b
    crm --db shop.db history 42
    crm --db shop.db history --email ada@example.com --name city --limit 5
    """
    who: Who = {"email": email} if email else (key or "")
    if not key and not email:
        raise click.UsageError("name a customer: KEY, or --email ADDRESS")
    with context.crm() as crm:
        found = crm.history(who, name, limit)
    show(context, found, _history)


def _duplicates(found: Duplicates) -> None:
    rows = [(f"{pair.score:.2f}", _side(pair.one), _side(pair.other), _why(pair)) for pair in found.pairs]
    table("Probably one", ("score", "one", "other", "why (bits)"), rows)
    click.echo(f"{found.customers:,} customers, {found.compared:,} pairs compared.")
    for one in found.skipped:
        shared = f"{one.groups:,} groups of customers sharing a {one.kind} (largest: {one.largest:,}, {one.example!r})"
        click.echo(f"Skipped: {shared}; {one.pairs:,} pairs were not compared for it.")


def _side(one: Side) -> str:
    others = [identity.value for identity in one.identities if identity.kind != "key"]
    return "\n".join(filter(None, (one.key, one.name, *others))) or str(one.id)


def _why(pair: Duplicate) -> str:
    said = [f"{one.field}: {one.agreement} ({one.bits:+.0f})" for one in pair.reasons]
    said += [f"refused: {one.kind} {one.value} = {other.kind} {other.value}" for one, other in pair.contradictions]
    return "\n".join(said)


def _history(found: list[Written]) -> None:
    rows = [
        (
            when(one.at),
            f"{one.kind} {one.name} {one.detail}".strip(),
            _shown(one.old),
            _shown(one.new),
            one.source or (f"import {one.import_id}" if one.import_id else ""),
            "" if one.identity is None else f"{one.identity.kind} {one.identity.value}",
            when(one.received_at),
        )
        for one in found
    ]
    columns = ("when (UTC)", "what", "before", "then", "source", "said of", "received")
    table("History", columns, rows)


def _shown(value: object) -> str:
    return "" if value is None else str(value)
