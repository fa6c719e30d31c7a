"""`crm doctor`, `crm stats`: looking after an installation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import attrs
import click

from crmcore import migrations
from crmcore.app import CRM
from crmcore.campaigning import Stats
from crmcore.cli.checking import faults
from crmcore.cli.machine import Machine, looked_at, shown
from crmcore.cli.migrating import Revision, database_of, engine_for, registered, revisions
from crmcore.cli.output import Context, pass_context, progress, show, table, when
from crmcore.flow import hearing
from crmcore.flow.hearing import Hearing
from crmcore.loader import BLOCKED
from crmcore.model.time import SECOND
from crmcore.opening import engine_of
from crmcore.registry import Fault, Loaded
from crmcore.store.guarding import guard


@attrs.frozen(kw_only=True)
class Health:
    """What `crm doctor` found."""

    plugins: Sequence[Loaded]
    blocked: Sequence[str]
    faults: Sequence[Fault]
    revision: str
    modules: Sequence[Revision]
    pending: int
    due: int
    in_doubt: int
    quarantined: int
    notices: Sequence[Hearing]
    machine: Machine
    warnings: Sequence[str]


@click.command()
@click.option("--engine", "host", metavar="MODULE:NAME", help="Your app's own engine: look at how it opens SQLite.")
@pass_context
def doctor(context: Context, host: str | None) -> None:
    """Check an installation: plugins, limits, segments, templates, carriers and secrets, schema, jobs, what waits.

    Segments are read under a guard: a rule that does not keep to its workspace is a fault. Versions, settings, clocks and time zones
    are shown; what is odd about them is worth a word, and no fault.

    Exits with 1 where there is a fault: a plugin that the settings block is none, a blocked name that no plugin has is one.

    \b
    crm --db shop.db doctor
    crm --db shop.db doctor --engine shop.database:engine
    """
    with _guarded(context) as crm:
        waiting = crm.stats()
        blocked = [one.plugin for one in crm.registry.faults if one.problem == BLOCKED]
        notices = [one for one in waiting.notices if one.is_loaded or one.plugin not in blocked]
        health = Health(
            plugins=crm.registry.plugins,
            blocked=blocked,
            faults=(*faults(crm), *hearing.faults(notices)),
            revision=migrations.HEAD,
            modules=_of_modules(context),
            pending=waiting.pending,
            due=waiting.due,
            in_doubt=waiting.in_doubt,
            quarantined=waiting.quarantined,
            notices=notices,
            machine=looked_at(crm.settings, database_of(context), host),
            warnings=crm.retention_warnings(),
        )
    show(context, health, _human)
    if health.faults:
        raise click.exceptions.Exit(1)


@click.command()
@pass_context
def stats(context: Context) -> None:
    """Show what waits and for how long: statements, deliveries due or in doubt, quarantine, what plugins are to be told.

    \b
    crm --db shop.db --json stats
    """
    with context.crm() as crm:
        found = crm.stats()
    show(context, found, _waiting)


def _waiting(found: Stats) -> None:
    rows = [
        ("pending", found.pending, f"{found.pending_lag / SECOND:,.0f} s"),
        ("due", found.due, f"{found.due_lag / SECOND:,.0f} s"),
        ("due, of paused runs", found.standing_still, ""),
        ("waiting until later", found.later, f"from {when(found.later_at)}" if found.later else ""),
        ("in doubt", found.in_doubt, ""),
        ("in quarantine", found.quarantined, ""),
    ]
    table("Waiting", ("what", "how many", "since, or from (UTC)"), rows)
    if found.paused:
        senders = [(one.channel, one.provider, when(one.until), one.reason) for one in found.paused]
        table("Paused senders", ("channel", "provider", "until", "why"), senders)
    _hearings(found.notices)


def _hearings(found: Sequence[Hearing]) -> None:
    if found:
        rows = [
            (
                one.plugin if one.is_loaded else f"{one.plugin} (not loaded)",
                one.waiting,
                f"{one.lag / SECOND:,.0f} s",
                f"open until {when(one.closed_until)}" if one.closed_until else "closed",
                one.problem or "",
                one.lost,
            )
            for one in found
        ]
        table("Plugins that are told", ("plugin", "behind", "for", "circuit (UTC)", "latest failure", "lost"), rows)


@contextmanager
def _guarded(context: Context) -> Iterator[CRM]:
    """Open the CRM the options name, so that nothing it runs reaches beyond its workspace."""
    engine = engine_of(database_of(context))
    guard(engine)
    try:
        with CRM(engine, workspace=context.workspace, config=context.config) as crm:
            yield crm
    finally:
        engine.dispose()


def _of_modules(context: Context) -> list[Revision]:
    """Return where the tables of modules are, of those too that are left out or no longer installed."""
    with engine_for(context) as engine, engine.connect() as connection:
        return revisions(connection, list(registered(context).modules.values()))[1:]


def _human(health: Health) -> None:
    loaded = [(one.name, one.version) for one in health.plugins]
    table("Plugins", ("name", "version"), [*loaded, *((name, BLOCKED) for name in health.blocked)])
    if health.faults:
        table("Faults", ("plugin", "problem"), [(one.plugin, one.problem) for one in health.faults])
    rows = [
        ("schema", health.revision),
        *((f"tables of {one.distribution}", one.current or "none") for one in health.modules),
        ("pending", health.pending),
        ("due", health.due),
        ("in doubt", health.in_doubt),
        ("in quarantine", health.quarantined),
    ]
    table("State", ("what", "value"), rows)
    _hearings(health.notices)
    shown(health.machine)
    for one in health.warnings:
        click.echo(f"warning: {one}")


@click.command()
@pass_context
def rebuild(context: Context) -> None:
    """Make again what is kept beside the log: sums of events, and who is in which segment.

    \b
    crm --db shop.db rebuild
    """
    with context.crm() as crm, progress(context, "customers") as bar:
        crm.rebuild(bar)
