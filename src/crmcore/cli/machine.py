"""What `crm doctor` says of where it runs: versions, settings, clocks, time zones, and the app's own engine."""

from __future__ import annotations

import importlib
import platform
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

import attrs
import click
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from crmcore.cli.output import table
from crmcore.model.time import SECOND, SystemClock
from crmcore.opening import engine_of, reached
from crmcore.settings import Settings
from crmcore.store.clocks import database_now
from crmcore.store.engine import sqlite_manners

PACKAGES = ("crmcore", "sqlalchemy", "tzdata")
#: Microseconds by which two clocks may differ before it is worth a word.
APART = 2 * SECOND
#: Milliseconds: shorter, and whoever writes beside others is told that the database is locked.
SHORTEST = 5_000
ZONE = "Pacific/Auckland"


@attrs.frozen(kw_only=True)
class Machine:
    """Versions and settings by name; by how many microseconds the database's clock is ahead; what is worth a word."""

    versions: Mapping[str, str]
    settings: Mapping[str, object]
    clock_ahead: int | None
    warnings: tuple[str, ...]


def looked_at(settings: Settings, url: str, host: str | None) -> Machine:
    """Return how things are here, with the database at a URL; `host` is where the app has its engine, as MODULE:NAME."""
    engine = engine_of(url)
    try:
        with reached(engine):
            ahead, database = _ahead(engine), _database(engine)
    finally:
        engine.dispose()
    warnings = (*_clocks(ahead), *_zones(), *_links(settings), *(_manners(_host_engine(host)) if host else ()))
    return Machine(
        versions={**_versions(), **database}, settings=_shown(settings, engine), clock_ahead=ahead, warnings=warnings
    )


def shown(machine: Machine) -> None:
    """Print it for a person."""
    ahead = (
        () if machine.clock_ahead is None else [("database's clock ahead", f"{machine.clock_ahead / SECOND:+.3f} s")]
    )
    rows = [*machine.versions.items(), *((name, _text(value)) for name, value in machine.settings.items()), *ahead]
    table("Machine", ("what", "value"), rows)
    for one in machine.warnings:
        click.echo(f"warning: {one}")


def _text(value: object) -> str:
    return ", ".join(value) or "none" if isinstance(value, list) else str(value)


def _versions() -> dict[str, str]:
    return {"python": platform.python_version(), **{name: _version(name) for name in PACKAGES}}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _database(engine: Engine) -> dict[str, str]:
    found = engine.dialect.server_version_info or () if hasattr(engine.dialect, "server_version_info") else ()
    return {engine.dialect.name: ".".join(map(str, found))}


def _ahead(engine: Engine) -> int | None:
    """Return by how much the database's clock is ahead, give or take the way there."""
    with engine.connect() as connection:
        before = SystemClock().now()
        there = database_now(connection)
        return None if there is None else there - (before + SystemClock().now()) // 2


def _shown(settings: Settings, engine: Engine) -> dict[str, object]:
    return {
        "database": engine.url.render_as_string(hide_password=True),
        "workspace": settings.workspace,
        "public_url": settings.public_url,
        "blocked": list(settings.blocked),
    }


def _clocks(ahead: int | None) -> Iterator[str]:
    if ahead is not None and abs(ahead) > APART:
        way = "ahead of" if ahead > 0 else "behind"
        yield f"the database's clock is {abs(ahead) / SECOND:,.1f} s {way} this machine's; let both follow one time server"


def _zones() -> Iterator[str]:
    try:
        ZoneInfo(ZONE)
    except (ZoneInfoNotFoundError, OSError):
        yield f"there is no time zone data ({len(available_timezones())} zones): quiet hours cannot be told; pip install tzdata"


def _links(settings: Settings) -> Iterator[str]:
    if settings.public_url == Settings().public_url:
        yield f"the links in messages lead to {settings.public_url}; set public_url to where your app serves them"


def _host_engine(place: str) -> Engine:
    module, _, name = place.partition(":")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise click.BadParameter(f"{place} cannot be imported: {error}", param_hint="--engine") from error
    if not isinstance(found, Engine):
        raise click.BadParameter(f"{place} is a {type(found).__name__}, no Engine of SQLAlchemy", param_hint="--engine")
    return found


def _manners(engine: Engine) -> Iterator[str]:
    """Yield what the app's own engine does on SQLite that makes it and the CRM wait for one another."""
    if engine.dialect.name != "sqlite":
        return
    try:
        mode, timeout, locks = sqlite_manners(engine)
    except SQLAlchemyError as error:
        yield f"the app's engine cannot be looked at: {type(error).__name__}"
        return
    if mode != "wal":
        yield f"the app's engine works with journal_mode={mode}: readers keep the writer waiting; set PRAGMA journal_mode=WAL"
    if timeout < SHORTEST:
        yield f"the app's engine waits {timeout} ms for a lock; set PRAGMA busy_timeout to {SHORTEST} or more"
    if not locks:
        yield "the app's engine begins without the write lock, and may fail at its first write after a read: BEGIN IMMEDIATE"
