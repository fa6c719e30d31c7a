"""`crm coupon`: fill the pools that steps give codes out of, and see what is left of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs
import click

from crmcore.cli.output import Context, pass_context, show, table
from crmcore.errors import InvalidFile
from crmcore.store.coupons import Pool


@attrs.frozen(kw_only=True)
class Added:
    """How many codes a source has got that it has not had before."""

    source: str
    added: int


@click.group()
def coupon() -> None:
    """Add the codes of coupons, and see how many are left.

    \b
    crm coupon add spring codes.txt
    crm coupon list
    """


@coupon.command("add")
@click.argument("source")
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path))
@pass_context
def add_coupons(context: Context, source: str, path: Path) -> None:
    """Add the codes of a file (- is a pipe), one a line, to a source; those it has had before are left as they are.

    \b
    crm --db shop.db coupon add spring codes.txt
    make-codes | crm --db shop.db coupon add spring -
    """
    with context.crm() as crm:
        added = Added(source=source, added=crm.add_coupons(source, _codes(path)))
    show(context, added, lambda one: click.echo(f"{one.added:,} codes added to {one.source}"))


@coupon.command("list")
@pass_context
def list_coupons(context: Context) -> None:
    """List the sources: how many of their codes are free, reserved for a message, and redeemed.

    \b
    crm --db shop.db coupon list
    """
    with context.crm() as crm:
        found = crm.coupons()
    show(context, found, _human)


def _human(found: Sequence[Pool]) -> None:
    rows = [(one.source, one.free, one.reserved, one.redeemed) for one in found]
    table("Coupons", ("source", "free", "reserved", "redeemed"), rows)


def _codes(path: Path) -> Iterator[str]:
    try:
        with click.open_file(str(path), encoding="utf-8-sig") as lines:
            yield from (line for line in lines if line.strip())
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidFile(file=path, place="the file", problem=str(error)) from error
