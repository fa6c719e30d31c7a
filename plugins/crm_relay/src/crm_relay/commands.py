"""`crm relay`: what waits to be posted, and why."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import attrs
import click

from crm_relay import tables
from crm_relay.tables import Waiting

SECOND = 1_000_000


@click.group()
def relay() -> None:
    """Look at what is told to other systems.

    \b
    crm --db shop.db relay status
    """


@relay.command("status")
@click.pass_obj
def status(context: Any) -> None:
    """Show how many notices wait, since when, and how the address has answered.

    \b
    crm --db shop.db --json relay status
    """
    with context.crm() as crm:
        found = crm.in_tables(tables.waiting)
    click.echo(json.dumps(attrs.asdict(found)) if context.as_json else _spoken(found))


@relay.command("again")
@click.pass_obj
def again(context: Any) -> None:
    """Ask an address again that has failed, without waiting for its time: `crm work` does it next.

    \b
    crm --db shop.db relay again
    """
    with context.crm() as crm:
        crm.in_tables(lambda tabled: tables.answered(tabled, 0, 0, ""))
        found = crm.in_tables(tables.waiting)
    click.echo(json.dumps(attrs.asdict(found)) if context.as_json else _spoken(found))


def _spoken(found: Waiting) -> str:
    if found.since is None:
        return "Nothing waits."
    said = f"{found.count} waiting, the first since {_time(found.since)}."
    if found.failures:
        said += f" Failed {found.failures} times in a row ({found.problem}); asked again at {_time(found.due_at)}."
    return said


def _time(at: int) -> str:
    return f"{datetime.fromtimestamp(at // SECOND, UTC):%Y-%m-%d %H:%M:%S} UTC"
