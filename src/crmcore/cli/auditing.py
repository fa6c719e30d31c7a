"""`crm audit`: who did what, and whether the log is as it was written."""

from __future__ import annotations

from collections.abc import Sequence

import click

from crmcore.cli.output import Context, pass_context, show, table, when
from crmcore.model.audit import AuditEntry, AuditVerdict


@click.group()
def audit() -> None:
    """Look at the audit log.

    \b
    crm audit list
    crm audit verify
    """


@audit.command("list")
@click.option("--limit", default=100, show_default=True, help="How many rows to show.")
@pass_context
def list_entries(context: Context, limit: int) -> None:
    """Show who did what, the latest first. Of what was erased with a customer nobody can say what it was about.

    \b
    crm audit list --limit 20
    """
    with context.crm() as crm:
        found = [_shown(one) for one in crm.audit(limit)]
    show(context, found, _human)


def _shown(one: AuditEntry) -> dict[str, object]:
    named = ("id", "at", "actor", "action", "subject", "detail")
    return {name: getattr(one, name) for name in named} | {"sealed": one.seal_id is not None}


def _human(found: Sequence[dict[str, object]]) -> None:
    rows = [
        (when(int(str(one["at"]))), one["actor"], one["action"], one["subject"] or "(erased)", one["detail"])
        for one in found
    ]
    table("Audit log", ("when (UTC)", "who", "what", "of what", "detail"), rows)


@audit.command()
@click.option("--seal", help="A seal that was written down earlier: it has to be among those there are.")
@pass_context
def verify(context: Context, seal: str | None) -> None:
    """Look at the whole log: exits with 1 where a row or a seal is not as it was written.

    Write the last seal down elsewhere, and give it back by --seal: then the end of the log cannot be cut off either.

    \b
    crm audit verify
    crm audit verify --seal 5f1c...
    """
    with context.crm() as crm:
        found = crm.verify_audit()
    missing = seal is not None and seal not in found.seals
    said = "the seal that you have is not among those there are: the log was cut off, or written anew"
    broken = found.broken or (said if missing else None)
    last = found.seals[-1] if found.seals else None
    answer = {"rows": found.rows, "unsealed": found.unsealed, "seals": len(found.seals), "last": last, "broken": broken}
    show(context, answer, lambda _: _verdict(found, broken))
    if broken:
        raise click.exceptions.Exit(1)


def _verdict(found: AuditVerdict, broken: str | None) -> None:
    if broken:
        click.echo(f"The log is not as it was written: {broken}.")
    else:
        click.echo(f"{found.rows:,} rows under {len(found.seals):,} seals are as they were written.")
    if found.unsealed:
        click.echo(f"{found.unsealed:,} rows wait for their seal: crm work.")
    if found.seals:
        click.echo(f"The last seal: {found.seals[-1]}")
