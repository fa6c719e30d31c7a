"""`crm send`."""

from __future__ import annotations

from collections.abc import Iterable

import attrs
import click

from crmcore.cli.output import Context, pass_context, show
from crmcore.model.identity import Who


@attrs.frozen(kw_only=True)
class Said:
    """A message that is planned now, or was already under its key."""

    template: str
    to: str
    key: str | None


@click.command()
@click.argument("template")
@click.option("--to", required=True, metavar="KEY", help="The customer's key, or as in email=ada@example.com.")
@click.option("--field", "fields", multiple=True, metavar="NAME=VALUE", help="The template sees it as message.NAME.")
@click.option("--channel", help="The channel, where more than one has the template.")
@click.option("--purpose", default="transactional", show_default=True, help="transactional, or service.")
@click.option("--key", help="The same key again is the same message.")
@click.option("--expires", default="3d", show_default=True, help="How long it may wait.")
@pass_context
def send(
    context: Context,
    template: str,
    to: str,
    fields: tuple[str, ...],
    channel: str | None,
    purpose: str,
    key: str | None,
    expires: str,
) -> None:
    """Send one transactional message; it goes with the next `crm work`.

    \b
    crm --db shop.db send receipt --to 42 --field total="5.00 EUR" --key order-1 && crm --db shop.db work
    crm --db shop.db send welcome --to email=ada@example.com
    """
    with context.crm() as crm:
        said = _pairs("--field", fields)
        crm.send(template, to=_who(to), fields=said, channel=channel, purpose=purpose, key=key, expires=expires)
    show(
        context, Said(template=template, to=to, key=key), lambda one: click.echo(f"{one.template} to {one.to}: planned")
    )


def _who(to: str) -> Who:
    return _pairs("--to", [to]) if "=" in to else to


def _pairs(option: str, given: Iterable[str]) -> dict[str, str]:
    pairs = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not (name and equals):
            raise click.BadParameter(f"{one!r} has not the form NAME=VALUE", param_hint=option)
        pairs[name] = value
    return pairs
