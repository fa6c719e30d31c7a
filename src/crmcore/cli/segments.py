"""`crm segment`: define, list, look at."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import attrs
import click

from crmcore.cli.output import Context, pass_context, show, table
from crmcore.errors import InvalidFile
from crmcore.flow.segments import Member


@attrs.frozen(kw_only=True)
class Sized:
    """A segment with its size."""

    name: str
    size: int


@attrs.frozen(kw_only=True)
class Defined:
    """A segment with its condition as plain data."""

    name: str
    version: int
    size: int
    condition: dict[str, Any]


@click.group()
def segment() -> None:
    """Define segments, and see who is in them.

    \b
    crm segment list
    crm segment create loyal loyal.toml
    crm segment members loyal --limit 10
    """


@segment.command("list")
@pass_context
def list_segments(context: Context) -> None:
    """List the segments with their sizes.

    \b
    crm --db shop.db segment list
    """
    with context.crm() as crm:
        sized = [Sized(name=name, size=crm.segment(name).size()) for name in crm.segments()]
    show(context, sized, lambda found: table("Segments", ("name", "size"), [(one.name, one.size) for one in found]))


@segment.command("show")
@click.argument("name")
@pass_context
def show_segment(context: Context, name: str) -> None:
    """Show a segment's condition and size.

    \b
    crm --db shop.db segment show loyal
    """
    with context.crm() as crm:
        found = crm.segment(name)
        defined = Defined(name=name, version=found.version, size=found.size(), condition=found.plain())
    show(context, defined, _human)


@segment.command("create")
@click.argument("name")
@click.argument("file", type=click.Path(path_type=Path))
@pass_context
def create_segment(context: Context, name: str, file: Path) -> None:
    """Define a segment by a condition in a TOML or JSON file (defined again, it changes).

    \b
    crm segment create lapsed lapsed.toml
    where lapsed.toml says:  event = "order_placed"
                             when = "last"
                             is = "<="
                             age = "120d"
    """
    with context.crm() as crm:
        found = crm.define_segment(name, plain_file(file))
        defined = Defined(name=name, version=found.version, size=found.size(), condition=found.plain())
    show(context, defined, _human)


@segment.command("members")
@click.argument("name")
@click.option("--limit", default=100, show_default=True)
@click.option("--after", default=0, help="Go on after this customer id.")
@pass_context
def list_members(context: Context, name: str, limit: int, after: int) -> None:
    """List the customers of a segment.

    \b
    crm --db shop.db segment members loyal --limit 10
    """
    with context.crm() as crm:
        members = crm.segment(name).members(limit=limit, after=after)

    def human(found: list[Member]) -> None:
        table(name, ("id", "key"), [(str(one.id), one.key or "(anonymous)") for one in found])

    show(context, members, human)


def plain_file(file: Path) -> dict[str, Any]:
    """Return the plain data of a TOML or JSON file; raise InvalidFile."""
    try:
        text = file.read_text(encoding="utf-8")
        plain = json.loads(text) if file.suffix == ".json" else tomllib.loads(text)
    except (OSError, ValueError) as error:
        raise InvalidFile(file=file, place="the file", problem=str(error)) from error
    if not isinstance(plain, dict):
        raise InvalidFile(file=file, place="the file", problem="it holds no table")
    return plain


def _human(defined: Defined) -> None:
    table(defined.name, ("version", "size"), [(defined.version, defined.size)])
    click.echo(json.dumps(defined.condition, indent=2, ensure_ascii=False))
