"""`crm segment upload`: a list of customers from a file."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import attrs
import click

from crmcore.app import CRM
from crmcore.cli.output import Context, pass_context, show, table
from crmcore.errors import InvalidFile, UnknownCustomer
from crmcore.flow.importing.listing import Listed, listed
from crmcore.model.identity import KEY
from crmcore.segment import Segment

#: So many unknown customers are named to a person; JSON names all.
SHOWN = 10


@attrs.frozen(kw_only=True)
class Line:
    """A line of the file that names an unknown customer."""

    line: int
    customer: str


@attrs.frozen(kw_only=True)
class Uploaded:
    """A segment whose customers were uploaded, its size, and the lines that were left out."""

    name: str
    version: int
    size: int
    unknown: list[Line]


@click.command("upload")
@click.argument("name")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--column", help="FILE is a table (CSV, XLSX, Arrow), and this its column of customers.")
@click.option("--by", "kind", default=KEY, show_default=True, help="What names a customer: key, email, phone, ...")
@click.option("--skip-unknown", is_flag=True, help="Leave out customers who are not known, rather than change nothing.")
@pass_context
def upload(context: Context, name: str, file: Path, column: str | None, kind: str, skip_unknown: bool) -> None:
    """Let the customers a file lists, one a line, be those of a segment, and no others. FILE may be - for stdin.

    \b
    crm segment upload press press.txt
    crm segment upload press contacts.csv --column Email --by email
    cut -f1 press.tsv | crm segment upload press - --skip-unknown
    """
    with _regular(file) as path, context.crm() as crm:
        wanted = listed(path, kind, column)
        unknown: list[Listed] = []
        try:
            found = _upload(crm, name, wanted)
        except UnknownCustomer as error:
            places = set(error.fields["places"])  # type: ignore[call-overload]  # a list of int
            unknown = [one for place, one in enumerate(wanted) if place in places]
            if not skip_unknown or len(unknown) == len(wanted):
                hint = _hint(path, kind, column, error)
                raise _not_known(path, kind, unknown, hint) from error
            found = _upload(crm, name, [one for place, one in enumerate(wanted) if place not in places])
        uploaded = Uploaded(name=name, version=found.version, size=found.size(), unknown=_told(unknown))
    show(context, uploaded, _human)


@contextmanager
def _regular(file: Path) -> Iterator[Path]:
    """Return a file that can be read twice: what it looks like is found out first."""
    if str(file) != "-":
        yield file
        return
    with TemporaryDirectory() as folder:
        copy = Path(folder, "stdin")
        copy.write_bytes(sys.stdin.buffer.read())
        try:
            yield copy
        except InvalidFile as error:
            raise InvalidFile(**{**error.fields, "file": "stdin"}) from error


def _upload(crm: CRM, name: str, wanted: Sequence[Listed]) -> Segment:
    return crm.upload_segment(name, [one.who for one in wanted])


def _hint(path: Path, kind: str, column: str | None, error: UnknownCustomer) -> str:
    """Say what is probably meant: another kind of identity, or a column of a table."""
    kinds: list[str] = error.fields["kinds"]  # type: ignore[assignment]  # as `identities` gives it
    if kind not in kinds:
        return f"nobody has an identity of the kind {kind}, --by takes {', '.join(kinds) or KEY}"
    if column is None and not {".csv", ".tsv"}.isdisjoint(path.suffixes):
        return "where it is a table, --column says which is its column of customers"
    return "--skip-unknown leaves them out"


def _not_known(path: Path, kind: str, unknown: Sequence[Listed], hint: str) -> InvalidFile:
    few = ", ".join(f"{one.who.value!r} (line {one.line})" for one in unknown[:SHOWN])
    more = f" and {len(unknown) - SHOWN:,} more" if len(unknown) > SHOWN else ""
    problem = f"no customer has the {kind} {few}{more}; nothing was changed; {hint}"
    place = f"line {unknown[0].line}"
    return InvalidFile(file=path, place=place, problem=problem, unknown=_told(unknown))


def _told(unknown: Sequence[Listed]) -> list[Line]:
    return [Line(line=one.line, customer=one.who.value) for one in unknown]


def _human(told: Uploaded) -> None:
    table(told.name, ("version", "size"), [(told.version, told.size)])
    if told.unknown:
        few = [(one.line, one.customer) for one in told.unknown[:SHOWN]]
        table("Left out", ("line", "not known"), few)
        click.echo(f"{len(told.unknown):,} lines were left out, {len(few)} of them are shown; --json lists all.")
