"""`crm segment`: define, list, look at."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import attrs
import click

from crmcore.app import CRM
from crmcore.cli import segment_history, segment_upload
from crmcore.cli.output import Context, pass_context, show, table
from crmcore.cli.segment_history import members_of, time
from crmcore.errors import CRMError, InvalidCondition, InvalidFile
from crmcore.flow.importing import reading
from crmcore.flow.segments import Member
from crmcore.model.condition import Condition
from crmcore.segment import Segment, condition_of

#: A condition, as a file of each kind says it.
_EXAMPLES = {".json": '{"tag": "vip"}', ".toml": 'tag = "vip"', ".txt": 'tag "vip"'}


@attrs.frozen(kw_only=True)
class Sized:
    """A segment with its size, or with what keeps it from having one."""

    name: str
    size: int | None
    problem: str | None


@attrs.frozen(kw_only=True)
class Defined:
    """A segment with its condition as plain data, and its size or what keeps it from having one; people see it in words besides."""

    name: str
    version: int
    size: int | None
    problem: str | None
    condition: dict[str, Any]


@attrs.frozen(kw_only=True)
class Deleted:
    """A segment that is no more, by name."""

    deleted: str


@click.group()
def segment() -> None:
    """Define segments, and see who is in them.

    \b
    crm segment list
    crm segment create loyal 'did order_placed >= 3 times within 365d'
    crm segment members loyal --limit 10
    crm segment delete loyal
    """


for _command in (*segment_history.COMMANDS, segment_upload.upload):
    segment.add_command(_command)


@segment.command("list")
@pass_context
def list_segments(context: Context) -> None:
    """List the segments with their sizes.

    \b
    crm --db shop.db segment list
    """
    with context.crm() as crm:
        sized = [_sized(crm, name) for name in crm.segments()]
    show(context, sized, _listed)


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
        defined = _defined(found)
    show(context, defined, _human(found.text()))


@segment.command("create")
@click.argument("name")
@click.argument("condition", metavar="TEXT|FILE")
@pass_context
def create_segment(context: Context, name: str, condition: str) -> None:
    """Define a segment by a condition in words, or in a file: of words (.txt), .toml or .json. Defined again, it changes.

    \b
    crm segment create loyal 'did order_placed >= 3 times within 365d'
    crm segment create lapsed lapsed.toml
    where lapsed.toml says:  event = "order_placed"
                             when = "last"
                             is = "<="
                             age = "120d"
    """
    with context.crm() as crm:
        found = crm.define_segment(name, _condition(condition))
        defined = _defined(found)
    show(context, defined, _human(found.text()))


@segment.command("delete")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_context
def delete_segment(context: Context, name: str, yes: bool) -> None:
    """Delete a segment: all who are in it leave it. Refused while another segment or a campaign asks for it.

    \b
    crm --db shop.db segment delete lapsed
    """
    with context.crm() as crm:
        crm.segment(name)
        if not yes and context.as_json:
            raise click.UsageError("with --json nobody is asked: --yes deletes it")
        if not yes and not click.confirm(f"Delete the segment {name}?", err=True):
            raise click.exceptions.Exit(1)
        crm.delete_segment(name)
    show(context, Deleted(deleted=name), lambda _: click.echo(f"The segment {name} is deleted."))


@segment.command("members")
@click.argument("name")
@click.option("--limit", type=click.IntRange(min=0), default=100, show_default=True)
@click.option("--after", default=0, help="Go on after this customer id.")
@click.option("--at", type=time, help="Those of this time (UTC) rather than now.")
@pass_context
def list_members(context: Context, name: str, limit: int, after: int, at: datetime | None) -> None:
    """List the customers of a segment.

    \b
    crm --db shop.db segment members loyal --limit 10
    crm --db shop.db segment members loyal --at 2026-03-01
    """
    with context.crm() as crm:
        members = members_of(crm, name, at, limit, after)

    def human(found: list[Member]) -> None:
        table(name, ("id", "key"), [(str(one.id), one.key or "(anonymous)") for one in found])

    show(context, members, human)


def plain_file(file: Path) -> dict[str, Any]:
    """Return the plain data of a TOML or JSON file; raise InvalidFile."""
    try:
        text = file.read_text(encoding="utf-8")
        plain = json.loads(text) if file.suffix == ".json" else tomllib.loads(text)
    except FileNotFoundError as error:
        raise _missing(file) from error
    except (OSError, ValueError) as error:
        raise InvalidFile(file=file, place="the file", problem=str(error)) from error
    if not isinstance(plain, dict):
        raise InvalidFile(file=file, place="the file", problem="it holds no table")
    return plain


def _missing(file: Path) -> InvalidFile:
    return InvalidFile(file=file, place="the file", problem="it is not there")


def _condition(said: str) -> Condition:
    """Return the condition of a text, or of the file that it names; raise InvalidCondition, or InvalidFile naming the file."""
    if not said.endswith(tuple(_EXAMPLES)):
        return condition_of(said)
    file = Path(said)
    written = _words(file) if file.suffix == ".txt" else plain_file(file)
    if not written:
        problem = f"it says nothing; write a condition, as in {_EXAMPLES[file.suffix]}"
        raise InvalidFile(file=file, place="the file", problem=problem)
    try:
        return condition_of(written)
    except InvalidCondition as error:
        raise InvalidFile(file=file, place=error.fields["place"], problem=error.fields["problem"]) from error


def _words(file: Path) -> str:
    if not file.exists():
        raise _missing(file)
    with reading.text(file) as lines:
        return lines.read().strip()


def _defined(found: Segment) -> Defined:
    size, problem = _size(found)
    return Defined(name=found.name, version=found.version, size=size, problem=problem, condition=found.plain())


def _sized(crm: CRM, name: str) -> Sized:
    size, problem = _size(crm.segment(name))
    return Sized(name=name, size=size, problem=problem)


def _size(found: Segment) -> tuple[int | None, str | None]:
    """Return its size, or the problem: one that has no answer is there all the same."""
    try:
        return found.size(), None
    except CRMError as error:
        return None, str(error)


def _listed(found: list[Sized]) -> None:
    table("Segments", ("name", "size"), [(one.name, _shown(one.size)) for one in found])
    for one in found:
        if one.problem is not None:
            click.echo(f"No size: {one.problem}")


def _shown(size: int | None) -> int | str:
    return "none" if size is None else size


def _human(text: str) -> Callable[[Defined], None]:
    def human(defined: Defined) -> None:
        table(defined.name, ("version", "size"), [(defined.version, _shown(defined.size))])
        if defined.problem is not None:
            click.echo(f"No size: {defined.problem}\n")
        click.echo(f"{text}\n")
        click.echo(json.dumps(defined.condition, indent=2, ensure_ascii=False))

    return human
