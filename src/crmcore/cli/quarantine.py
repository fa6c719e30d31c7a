"""`crm quarantine`: what did not fit, and taking it again."""

from __future__ import annotations

from collections.abc import Sequence

import click

from crmcore.cli.output import Context, pass_context, progress, show, table, when
from crmcore.flow.replaying import Replayed
from crmcore.store.quarantine import Quarantined


@click.group()
def quarantine() -> None:
    """Look at what did not fit, and take it again after a fix of the tracking plan.

    \b
    crm --db shop.db quarantine list --source web
    crm --db shop.db schema declare web.toml
    crm --db shop.db quarantine replay --source web
    """


@quarantine.command("list")
@click.option("--source", help="Of this source only.")
@click.option("--limit", default=100, show_default=True)
@pass_context
def list_quarantined(context: Context, source: str | None, limit: int) -> None:
    """List what waits in quarantine with the reason, the latest first; --json shows what came in, too.

    \b
    crm --db shop.db quarantine list --source web --limit 20
    """
    with context.crm() as crm:
        found = crm.quarantine(limit, source)
    show(context, found, _show_quarantined)


@quarantine.command("replay")
@click.option("--source", help="Of this source only.")
@pass_context
def replay(context: Context, source: str | None) -> None:
    """Take what waits in quarantine again: what fits by now is taken, the rest stays. Interrupted, it goes on.

    Lines of imports are not replayed: correct them in the file of refused lines, and import that file.

    \b
    crm --db shop.db quarantine replay --source web
    """
    with context.crm() as crm, progress(context, "Replaying") as bar:
        done = crm.replay(source, bar)
    show(context, done, _show_replayed)


def _show_quarantined(found: Sequence[Quarantined]) -> None:
    rows = [(when(one.received_at), one.source, one.place, one.reason) for one in found]
    table("In quarantine", ("since (UTC)", "source", "place", "reason"), rows)


def _show_replayed(done: Replayed) -> None:
    table(
        "Replayed",
        ("taken", "of these new", "left", "lines of imports"),
        [(done.taken, done.new, done.left, done.lines)],
    )
    if done.lines:
        click.echo("Lines of imports wait until they are corrected in the file of refused lines and that is imported.")
