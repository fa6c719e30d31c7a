"""`crm schema`: what sources send, what they declare, and where the two differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs
import click

from crmcore.cli.output import Context, pass_context, progress, show, table, when
from crmcore.cli.segments import plain_file
from crmcore.model.comparing import Difference
from crmcore.model.seen import SeenEvent, SeenField, SeenSource, Sightings
from crmcore.model.tracking import FieldPlan
from crmcore.store.declarations import Declaration, data_of

Row = tuple[object, ...]


@attrs.frozen(kw_only=True)
class Declared:
    """What a source declares, as plain data."""

    source: str
    version: int
    declared_at: int
    plan: dict[str, Any]


@click.group(invoke_without_command=True)
@click.option("--source", help="Of this source only.")
@click.pass_context
def schema(click_context: click.Context, source: str | None) -> None:
    """Show what sources have sent: names, types, counts, first and last seen. Commands declare and compare.

    \b
    crm --db shop.db schema
    crm --db shop.db schema --source web
    crm --db shop.db schema declare web.toml
    crm --db shop.db schema diff --check
    """
    if click_context.invoked_subcommand is not None:
        if source is not None:
            raise click.UsageError(f"say --source after {click_context.invoked_subcommand}")
        return
    context = click_context.find_object(Context)
    assert context is not None
    with context.crm() as crm, progress(context, "Reading the log") as bar:
        found = crm.schema(source, bar)
    show(context, found, _show_seen)


@schema.command("declare")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@pass_context
def declare(context: Context, files: Sequence[Path]) -> None:
    """Declare what sources send, by TOML or JSON files, one a source. What does not fit waits in quarantine from then on.

    \b
    crm schema declare web.toml
    where web.toml says:  name = "web"
                          [events.product_viewed]
                          needs = ["item"]
                          [events.product_viewed.fields]
                          price = "decimal"
                          page = { type = "text", required = true }
                          [attributes]
                          city = "text"
    """
    plans = [plain_file(file) for file in files]
    with context.crm() as crm:
        made = [_declared(crm.declare_source(plan)) for plan in plans]
    show(context, made, _show_declared)


@schema.command("plan")
@click.option("--source", help="Of this source only.")
@pass_context
def show_plans(context: Context, source: str | None) -> None:
    """Show what sources declare.

    \b
    crm --db shop.db schema plan
    crm --db shop.db --json schema plan --source web
    """
    with context.crm() as crm:
        found = [one for one in crm.declarations() if source in (None, one.source.name)]
    show(context, [_declared(one) for one in found], lambda _: _show_plans(found))


@schema.command("diff")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--source", help="Of this source only.")
@click.option("--check", is_flag=True, help="Exit with 1 where the log contradicts the plan.")
@pass_context
def diff(context: Context, file: Path | None, source: str | None, check: bool) -> None:
    """Show where what was sent differs from what is declared, or from the plan in FILE, which is not declared by that.

    With --check, exit with 1 where something undeclared, of another type or incomplete was seen; what was never seen may
    still come.

    \b
    crm --db shop.db schema diff
    crm --db shop.db schema diff web.toml --check
    """
    with context.crm() as crm, progress(context, "Reading the log") as bar:
        found = crm.schema_diff(source if file is None else plain_file(file), bar)
    show(context, found, _show_differences)
    if check and any(one.is_contradiction for one in found):
        raise click.exceptions.Exit(1)


def _declared(one: Declaration) -> Declared:
    return Declared(source=one.source.name, version=one.version, declared_at=one.declared_at, plan=data_of(one.source))


def _show_declared(declared: Sequence[Declared]) -> None:
    rows = [(one.source, one.version, when(one.declared_at), one.plan["undeclared"]) for one in declared]
    table("Declared", ("source", "version", "since (UTC)", "the undeclared"), rows)


def _show_plans(found: Sequence[Declaration]) -> None:
    _show_declared([_declared(one) for one in found])
    for source in (one.source for one in found):
        rows: list[tuple[str, str]] = []
        for name, plan in (source.events or {}).items():
            needs = f"needs {', '.join(plan.needs)}" if plan.needs else ""
            rows += [(name, needs), *((f"  {name}.{field}", _in_words(one)) for field, one in plan.fields.items())]
        rows += [(f"identify.{name}", _in_words(one)) for name, one in (source.attributes or {}).items()]
        table(source.name, ("name", "declared"), rows)


def _in_words(plan: FieldPlan) -> str:
    required = ", required" if plan.required else ""
    return f"{plan.type}{required}" + (f", one of {', '.join(map(str, plan.allowed))}" if plan.allowed else "")


def _show_seen(sources: Sequence[SeenSource]) -> None:
    for source in sources:
        declared = "declares nothing" if source.version is None else f"declares version {source.version}"
        rows = [row for event in source.events for row in _event_rows(event)]
        rows += [row for one in source.attributes for row in _field_rows(f"identify.{one.name}", one)]
        columns = ("name", "type", "count", "first (UTC)", "last (UTC)")
        table(f"{source.name or '(no source)'}: {declared}", columns, rows)
    if not sources:
        click.echo("Nothing has been sent yet.")


def _event_rows(event: SeenEvent) -> Iterator[Row]:
    yield (event.name, "event", *_sightings(event.seen))
    filled = [_filled(column, count, event.seen.count) for column, count in event.columns.items() if count]
    if filled:
        yield (f"  {event.name}", f"with {', '.join(filled)}")
    for one in event.fields:
        yield from _field_rows(f"  {event.name}.{one.name}", one)


def _filled(column: str, count: int, of: int) -> str:
    return column if count == of else f"{column} ({count:,})"


def _field_rows(place: str, field: SeenField) -> Iterator[Row]:
    for kind, seen in field.types.items():
        yield (place, kind, *_sightings(seen))


def _sightings(seen: Sightings) -> tuple[int, str, str]:
    return seen.count, when(seen.first_at), when(seen.last_at)


def _show_differences(found: Sequence[Difference]) -> None:
    if not found:
        click.echo("What was sent is what is declared.")
        return
    rows = [(one.source, one.place, one.kind, one.declared, one.seen, one.count or None) for one in found]
    table("Differences", ("source", "place", "what", "declared", "seen", "count"), rows)
