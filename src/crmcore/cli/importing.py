"""`crm import` and `crm imports`: files in, tried before and taken back after."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import attrs
import click

from crmcore.app import CRM
from crmcore.cli.output import Context, pass_context, plain, progress, show, table, when
from crmcore.errors import InvalidFile
from crmcore.flow.importing.mapping import KINDS, ColumnMap, Kind, checked, read_map, to_toml
from crmcore.flow.importing.previewing import Change, Preview
from crmcore.flow.importing.running import Imported
from crmcore.flow.importing.undoing import Undone
from crmcore.store.imports import ImportView


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--as", "kind", type=click.Choice(KINDS), help="What its lines are about; a mapping says so too.")
@click.option("--map", "mapping", type=click.Path(path_type=Path), help="Which column means what (TOML); else guessed.")
@click.option("--set", "given", multiple=True, metavar="KEY=VALUE", help="A value of the mapping, as currency=EUR.")
@click.option("--save-map", type=click.Path(path_type=Path), help="Write the mapping to this file, and import nothing.")
@click.option("--dry-run", is_flag=True, help="Show what would change, line by line, and write nothing.")
@click.option("--show", "shown", default=20, show_default=True, help="How many lines a dry run shows.")
@click.option("--refused", type=click.Path(path_type=Path), help="Where refused lines go (default: FILE.refused.csv).")
@click.option("--yes", is_flag=True, help="Do not ask whether a guessed mapping is right.")
@pass_context
def import_file(  # noqa: PLR0913, PLR0917 - one parameter an option
    context: Context,
    file: Path,
    kind: str | None,
    mapping: Path | None,
    given: Sequence[str],
    save_map: Path | None,
    dry_run: bool,
    shown: int,
    refused: Path | None,
    yes: bool,
) -> None:
    """Import a CSV (.gz, .xz), XLSX or Arrow file. The same file again changes nothing; interrupted, it goes on.

    \b
    crm import contacts.csv --as customers --dry-run
    crm import orders.xlsx --as orders --set currency=EUR --save-map orders.toml
    crm import orders.xlsx --map orders.toml
    where orders.toml says:  kind = "orders"          # or customers, events, consents, accounts
                             source = "shop"
                             currency = "EUR"
                             timezone = "Europe/Berlin"
                             [columns]
                             customer = "Customer"    # ref, item, quantity, price, at, ...
    """
    _check_apart(file, refused)
    with context.crm() as crm:
        made = _mapping(context, crm, file, kind, mapping, _given(given))
        if save_map is not None:
            _save(save_map, made)
        elif dry_run:
            with progress(context, file.name) as bar:
                preview = crm.preview_import(file, made, shown, bar)
            show(context, preview, _preview)
        elif mapping is not None or yes or _agreed(context):
            with progress(context, file.name) as bar:
                imported = crm.import_file(file, made, bar)
            written = _write_refused(crm, imported, refused or _beside(file))
            show(context, {**plain(imported), "refused_file": written}, lambda _: _human(imported, written))


def _beside(file: Path) -> Path:
    return file.with_name(f"{file.name.removesuffix('.refused.csv')}.refused.csv")


def _check_apart(file: Path, refused: Path | None) -> None:
    """Refuse to write what is refused over the file it comes from."""
    if refused is not None and file.exists() and refused.exists() and refused.samefile(file):
        raise click.UsageError(f"--refused would overwrite {file}, the file that is imported; name another")


def _write_refused(crm: CRM, imported: Imported, path: Path) -> Path | None:
    if not imported.refused:
        return None
    crm.write_refused(imported.id, path)
    return path


def _mapping(
    context: Context, crm: CRM, file: Path, kind: str | None, mapping: Path | None, given: Mapping[str, Any]
) -> ColumnMap:
    """Return the mapping of a file, or a guessed one, shown before anything is written."""
    if mapping is not None:
        made = checked(attrs.evolve(read_map(mapping), **given), mapping)
        if kind not in (None, made.kind):
            raise click.UsageError(f"{mapping} is a mapping of {made.kind}, not of {kind}")
        return made
    if kind is None:
        raise click.UsageError(f"say what the lines are about: --as {'|'.join(KINDS)}, or give a --map")
    guess = crm.guess_mapping(file, cast("Kind", kind), **given)
    if not context.as_json:
        click.echo(f"A mapping guessed from {file.name} (--save-map FILE keeps it, to be changed):\n", err=True)
        click.echo(to_toml(guess.mapping), err=True)
        for note in guess.notes:
            click.echo(f"  {note}", err=True)
        click.echo(err=True)
    return guess.mapping


#: What --set takes: the parts of a mapping that are a text each.
SETTABLE = (
    "at_format",
    "currency",
    "decimal",
    "delimiter",
    "encoding",
    "identity",
    "returns_prefix",
    "sheet",
    "source",
    "timezone",
)


def _given(pairs: Sequence[str]) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or key not in SETTABLE:
            raise click.UsageError(f"--set takes KEY=VALUE, KEY one of {', '.join(SETTABLE)}; this is {pair!r}")
        given[key] = value
    return given


def _save(path: Path, made: ColumnMap) -> None:
    try:
        path.write_text(to_toml(made), encoding="utf-8")
    except OSError as error:
        raise InvalidFile(file=path, place="the mapping", problem=f"it cannot be written ({error})") from error
    click.echo(f"Written: {path}. Import with --map {path}", err=True)


def _agreed(context: Context) -> bool:
    if context.as_json or not sys.stdin.isatty():
        raise click.UsageError(
            "a guessed mapping is imported with --yes, or saved by --save-map FILE and given by --map"
        )
    return click.confirm("Import it like this?", err=True)


def _human(found: Imported, written: Path | None) -> None:
    rows: list[tuple[str, object]] = [
        ("read", found.read),
        ("taken, not seen before", found.new),
        ("taken before", found.unchanged),
    ]
    rows += [("orders and returns", found.orders)] if found.orders else []
    rows += [("contradictions (`crm contradictions`)", found.contradictions)] if found.contradictions else []
    rows += _left_out(found.dropped, found.refused)
    table(f"Import {found.id}", ("lines", "count"), rows)
    if written is not None:
        click.echo(f"Refused lines are in {written}: correct them there and import that file.")


def _left_out(dropped: Mapping[str, int], refused: Mapping[str, int]) -> list[tuple[str, object]]:
    rows: list[tuple[str, object]] = [(f"dropped: {reason}", count) for reason, count in dropped.items()]
    return [*rows, *((f"refused: {reason}", count) for reason, count in sorted(refused.items())[:20])]


def _preview(found: Preview) -> None:
    rows: list[tuple[str, object]] = [
        ("read", found.read),
        ("new", found.new),
        ("changed", found.changed),
        ("unchanged", found.unchanged),
    ]
    table("Dry run: nothing was written", ("lines", "count"), [*rows, *_left_out(found.dropped, found.refused)])
    lines = [
        (one.number, one.verdict, one.who, one.reason or "; ".join(map(_change, one.changes))) for one in found.lines
    ]
    if lines:
        table(f"The first {len(lines)} that matter", ("line", "verdict", "who", "what"), lines)


def _change(one: Change) -> str:
    if one.new is True and one.old is None:
        return one.field
    return f"{one.field}: {_said(one.new)}" if one.old is None else f"{one.field}: {_said(one.old)} -> {_said(one.new)}"


def _said(value: object) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else str(plain(value))


@click.group()
def imports() -> None:
    """List imports, see what they refused, take them back.

    \b
    crm imports list
    crm imports refused 123456 corrected.csv
    crm imports undo 123456
    """


@imports.command("list")
@click.option("--limit", default=20, show_default=True)
@pass_context
def list_imports(context: Context, limit: int) -> None:
    """List the imports, the latest first.

    \b
    crm --db shop.db imports list
    """
    with context.crm() as crm:
        found = crm.imports(limit)

    def human(rows: list[ImportView]) -> None:
        shown = [
            (str(one.id), one.file, one.kind, one.source, one.state, one.counts.get("new", 0), when(one.started_at))
            for one in rows
        ]
        table("Imports", ("import", "file", "kind", "source", "state", "new lines", "started"), shown)

    show(context, found, human)


@imports.command("refused")
@click.argument("import_id", type=int)
@click.argument("file", type=click.Path(path_type=Path))
@pass_context
def write_refused(context: Context, import_id: int, file: Path) -> None:
    """Write the lines an import has refused to a CSV file, each with its reason, to be corrected and imported.

    \b
    crm --db shop.db imports refused 123456 corrected.csv
    """
    with context.crm() as crm:
        count = crm.write_refused(import_id, file)
    show(context, {"lines": count, "file": file}, lambda _: click.echo(f"{count:,} lines written to {file}"))


@imports.command("undo")
@click.argument("import_id", type=int)
@pass_context
def undo_import(context: Context, import_id: int) -> None:
    """Take an import back; what is newer than it stays, and is listed. Interrupted, the same command goes on.

    \b
    crm --db shop.db imports undo 123456
    """
    with context.crm() as crm, progress(context, "undoing") as bar:
        undone = crm.undo_import(import_id, bar)
    show(context, undone, _undone)


def _undone(found: Undone) -> None:
    rows: list[tuple[str, object]] = [(f"{name} taken back", count) for name, count in found.rows.items() if count]
    rows += [("fields that stay, newer ones were written", found.kept)] if found.kept else []
    rows += [("identities that stay, others refer to them", found.referred)] if found.referred else []
    table(f"Import {found.id} of {found.file}", ("what", "count"), rows)
    if found.examples:
        table("What stays", ("who", "field"), [(one.who, one.field) for one in found.examples])
