"""`crm export`, `crm erase`, `crm retention`: what people ask of their data, and how long it is kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from crmcore.app import CRM
from crmcore.cli.migrating import database_of
from crmcore.cli.output import Context, pass_context, plain, show, table, when
from crmcore.errors import DatabaseUnusable, InvalidFile, UnknownCustomer
from crmcore.flow.privacy.erasing import Erased
from crmcore.flow.privacy.retaining import Aged
from crmcore.model.identity import Who, identities
from crmcore.opening import engine_of

IN_MEMORY = ":memory:"


def _who(key: str | None, kind: str | None, value: str | None) -> Who:
    if kind and value and not key:
        return {kind: value}
    if key and not kind:
        return key
    raise click.UsageError("name a customer: KEY, or --by KIND VALUE such as --by email ada@example.com")


_BY = click.option("--by", nargs=2, metavar="KIND VALUE", help="Name the customer by an identity instead of the key.")

_WITHOUT = click.option(
    "--without", multiple=True, metavar="MODULE", help="Leave a module that is not loaded as it is."
)


@click.command()
@click.argument("key", required=False)
@_BY
@_WITHOUT
@click.option("--to", type=click.Path(path_type=Path), help="Write it to a file, as JSON.")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@pass_context
def export(
    context: Context,
    key: str | None,
    by: tuple[str, str] | None,
    without: tuple[str, ...],
    to: Path | None,
    force: bool,
) -> None:
    """Give out all that is held about one customer, as one JSON: in the core's tables, and by each module.

    Whole tables go to files by `crm export-file`.

    \b
    crm export 17850 --to 17850.json
    crm --json export --by email ada@example.com
    """
    who = _who(key, *(by or (None, None)))
    if to is not None and to.exists() and not force:
        raise InvalidFile(file=to, place="the file", problem="it is there already; --force writes over it")
    _found(context)
    with context.crm() as crm:
        share = crm.export(who, without=without)
    if to is not None:
        to.write_text(json.dumps(plain(share), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        show(context, {"path": to}, lambda _: click.echo(f"Written to {to}"))
    else:
        show(context, share, _human)


def _human(share: dict[str, Any]) -> None:
    names = ", ".join(f"{one['kind']} {one['value']}" for one in share["identities"])
    click.echo(f"Customer {share['customer']}: {names}")
    rows = [(name, len(held)) for name, held in share["core"].items()]
    rows += [(f"module {name}", len(held)) for name, held in share["modules"].items()]
    table("Held (all of it: --json, or --to FILE)", ("what", "entries"), rows)


@click.command()
@click.argument("key", required=False)
@_BY
@_WITHOUT
@click.option("--compact", is_flag=True, help="Write the database anew, so that not a byte is left in its files.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_context
def erase(
    context: Context,
    key: str | None,
    by: tuple[str, str] | None,
    without: tuple[str, ...],
    compact: bool,
    yes: bool,
) -> None:
    """Erase a customer, from every table and every module. It cannot be taken back.

    What campaigns counted stays, as nobody's; addresses that must never be written to stay as salted hashes. With
    --compact nobody else can use the database meanwhile. Exits with 1 where that was asked for and could not be, and
    where nothing is held about anybody of that name.

    \b
    crm erase 17850 --compact
    crm erase --by email ada@example.com --yes
    """
    who = _who(key, *(by or (None, None)))
    _found(context)
    with context.crm() as crm:
        if not yes and not context.as_json:
            _confirm(_named(crm, who))
        receipt = crm.erase(who, compact=compact, without=without)
    show(context, receipt, _receipt)
    if receipt.is_empty or (receipt.compaction is not None and not receipt.compaction.done):
        raise click.exceptions.Exit(1)


def _found(context: Context) -> None:
    """Raise DatabaseUnusable for a SQLite file that is not there: whoever asks for somebody is not given an empty one."""
    url = engine_of(database_of(context)).url
    file = url.database or IN_MEMORY
    if url.get_backend_name() == "sqlite" and not file.startswith((IN_MEMORY, "file:")) and not Path(file).exists():
        raise DatabaseUnusable(url=url.render_as_string(hide_password=True), problem=f"there is no file {file}")


def _named(crm: CRM, who: Who) -> str:
    asked = ", ".join(f"{one.kind} {one.value}" for one in identities(who))
    try:
        known = crm.customer(who)
    except UnknownCustomer:
        return f"{asked} (whom nobody knows)"
    return f"customer {known.id} ({', '.join(f'{one.kind} {one.value}' for one in known.identities)})"


def _confirm(named: str) -> None:
    """Ask; who does not say yes, or is not there to answer, is told that nothing was done."""
    try:
        click.confirm(f"Erase all that is held about {named}?", abort=True)
    except click.Abort:
        click.echo("Nothing was done; --yes erases without asking.", err=True)
        raise click.exceptions.Exit(1) from None


def _receipt(receipt: Erased) -> None:
    if not receipt.customers:
        click.echo("Nobody is known by that name.")
    if receipt.is_empty:
        _compacted(receipt)
        return
    rows = [*receipt.tables.items(), *((f"module {name}", count) for name, count in receipt.modules.items())]
    table(f"Erasure {receipt.id} at {when(receipt.at)} (UTC)", ("where", "rows"), rows)
    _compacted(receipt)


def _compacted(receipt: Erased) -> None:
    if receipt.compaction is not None:
        click.echo(receipt.compaction.problem or "The database is written anew.")


@click.group(invoke_without_command=True)
@click.pass_context
def retention(context: click.Context) -> None:
    """Show what has been kept for long enough by the settings, and would be deleted; `crm work` does so bit by bit.

    \b
    crm retention
    crm retention apply
    """
    if context.invoked_subcommand is None:
        options: Context = context.obj
        with options.crm() as crm:
            show(options, crm.aged(), lambda found: _aged("Kept for long enough", found))
            for said in crm.retention_warnings():
                click.echo(f"warning: {said}", err=True)


@retention.command("apply")
@pass_context
def apply_retention(context: Context) -> None:
    """Delete all of it now.

    \b
    crm retention apply
    """
    with context.crm() as crm:
        show(context, crm.delete_aged(), lambda found: _aged("Deleted", found))


def _aged(title: str, found: list[Aged]) -> None:
    rows = [(f"{one.kind} {one.name}".strip(), when(one.before), one.count) for one in found]
    table(title, ("what", "before (UTC)", "how many"), rows)
