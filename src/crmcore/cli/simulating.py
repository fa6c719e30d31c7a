"""`crm campaign simulate` and `backtest`: what a campaign would do, or would have done, on a copy from which nothing leaves."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import click

from crmcore.cli.campaigns import campaign_in
from crmcore.cli.output import Context, pass_context, progress, show, table, when
from crmcore.cli.segment_history import time
from crmcore.flow.simulating.outcome import Backtested, Simulated
from crmcore.model.happens import Happens
from crmcore.model.money import Money
from crmcore.model.triggers import OnCall
from crmcore.simulating import SHOWN
from crmcore.store.messages import Message

#: So many messages are shown word by word.
WORDS = 3


def _time(_context: click.Context, _parameter: click.Parameter, text: str | None) -> datetime | None:
    return None if text is None else time(text)


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--days", type=click.IntRange(0, 3650), default=30, show_default=True, help="For so long.")
@click.option("--seed", default=0, show_default=True, help="Fixes who is held out, as `campaign launch --seed` does.")
@click.option("--show", "shown", default=20, show_default=True, help="List so many messages; --json has all.")
@pass_context
def simulate(context: Context, file: Path, days: int, seed: int, shown: int) -> None:
    """Say who would be told what and when, if a campaign were launched now. Nothing is sent, nothing changes.

    It runs on a copy in a temporary file, with all else that runs, as if nobody did anything meanwhile.

    \b
    crm --db shop.db campaign simulate winback.toml
    crm --db shop.db campaign simulate birthday.toml --days 90 --show 100
    crm --db shop.db --json campaign simulate winback.toml | jq .skipped
    """
    given = campaign_in(file)
    with context.crm() as crm, progress(context, "simulating") as bar:
        found = crm.simulate(given, days=days, seed=seed, shown=max(shown, SHOWN), progress=bar)
    show(context, found, lambda one: _human(one, shown))
    if isinstance(given.trigger, Happens | OnCall) and not context.as_json:
        click.echo(
            "Nobody does anything in a dry run, so nobody enters by an event: crm campaign backtest plays history."
        )


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--from", "since", callback=_time, help="When it would have begun: a day, or a time, in UTC.")
@click.option("--to", "until", callback=_time, help="Up to when (default: now).")
@click.option(
    "--every", default="0s", show_default=True, help="Work only so often, such as 1h: quicker over long times."
)
@click.option("--run", type=int, help="Begin, and draw who is held out, as this run of it did.")
@click.option("--seed", default=0, show_default=True, help="Fixes who is held out.")
@click.option("--show", "shown", default=20, show_default=True, help="List so many messages; --json has all.")
@pass_context
def backtest(
    context: Context,
    file: Path,
    since: datetime | None,
    until: datetime | None,
    every: str,
    run: int | None,
    seed: int,
    shown: int,
) -> None:
    """Say what a campaign would have done if it had run. Nothing is sent, nothing changes.

    History is played through it on a copy in a temporary file: at each moment it sees what had come in by then.

    \b
    crm --db shop.db campaign backtest winback.toml --from 2026-01-01
    crm --db shop.db campaign backtest cart.toml --from 2026-01-01 --to 2026-04-01 --show 100
    crm --db shop.db campaign backtest cart.toml --from 2025-01-01 --every 1h
    crm --db shop.db --json campaign backtest winback.toml --from 2026-01-01 | jq .goals
    """
    if since is None and run is None:
        raise click.UsageError("say --from when, or which --run.")
    given = campaign_in(file)
    with context.crm() as crm, progress(context, "playing") as bar:
        words = max(shown, SHOWN)
        found = crm.backtest(given, since, until, seed=seed, run=run, every=every, shown=words, progress=bar)

    def human(found: Backtested) -> None:
        _human(found, shown)
        for goal in found.goals:
            amounts = ", ".join(str(Money(amount, currency)) for currency, amount in goal.amounts.items())
            said = f"{goal.customers:,} customers, {goal.events:,} events" + (f", {amounts}" if amounts else "")
            click.echo(f"{goal.event} within {goal.within} of a message, all the same: {said}")

    show(context, found, human)


def _human(found: Simulated, shown: int) -> None:
    table(
        f"Campaign {found.campaign}, {when(found.since)} to {when(found.until)} UTC", ("what", "count"), counts(found)
    )
    listed(found.messages, shown)
    for one in found.problems:
        click.echo(f"Warning: it cannot go on: {one}", err=True)


def counts(found: Simulated) -> list[tuple[str, object]]:
    """Return what a run came to, line by line."""
    rows: list[tuple[str, object]] = [("audience", found.audience), ("entered", found.entered), ("sent", found.sent)]
    more = (("sent later than planned", found.later), ("held out", found.held_out), ("waiting", found.waiting))
    rows += [(name, count) for name, count in (*more, ("failed", found.failed)) if count]
    rows += [(f"skipped: {reason}", count) for reason, count in found.skipped.items()]
    return rows + [(f"not let in: {reason}", count) for reason, count in found.refused.items()]


def listed(messages: Iterable[Message], shown: int) -> None:
    """Print the first messages: all as a table, and the words of a few."""
    some = list(messages)
    rows = [(when(one.at), one.customer, one.key, one.step, one.channel, _fate(one)) for one in some[:shown]]
    title = "Messages" if len(some) <= shown else f"The first {shown:,} of {len(some):,} messages"
    table(title, ("when (UTC)", "customer", "key", "step", "channel", "what"), rows)
    first = {one.step: one for one in reversed(some) if one.parts}
    for one in list(first.values())[:WORDS]:
        click.echo(f"{one.step} by {one.channel} to {one.customer}:")
        click.echo("\n".join(f"    {line}" for part in one.parts.values() for line in part.strip().splitlines()))


def _fate(one: Message) -> str:
    return "sent" if one.is_sent else one.reason or one.state
