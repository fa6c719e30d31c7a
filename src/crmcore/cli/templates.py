"""`crm template`: save what is said, and list it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import attrs
import click

from crmcore.cli.output import Context, pass_context, show, table
from crmcore.cli.segments import plain_file
from crmcore.errors import InvalidFile
from crmcore.model.template import Template


@attrs.frozen(kw_only=True)
class Saved:
    """A template that is kept."""

    name: str
    channel: str
    locale: str
    version: int
    parts: Sequence[str]


@click.group()
def template() -> None:
    """Save templates, and list them.

    \b
    crm template save winback --channel email winback.toml
    crm template list
    """


@template.command("save")
@click.argument("name")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--channel", required=True, help="The channel whose parts it has.")
@click.option("--locale", default="", help="For customers of this locale, as in de or de_AT.")
@pass_context
def save_template(context: Context, name: str, path: Path, channel: str, locale: str) -> None:
    """Save a template (saved again, it has a new version): a TOML or JSON file with its parts, or a directory of them.

    In a directory each file is a part, named for it: subject.txt, text.txt and html.html are the parts of e-mail.

    \b
    crm --db shop.db template save winback --channel email winback.toml
    where winback.toml says:  subject = "We miss you, {{ customer.name }}"
                              text = "Come back! {{ links.unsubscribe }}"
    crm --db shop.db template save winback --channel email --locale de winback-de/
    """
    parts = _directory(path) if path.is_dir() else _file(path)
    with context.crm() as crm:
        saved = _saved(crm.save_template(name, channel, parts, locale))
    show(context, saved, lambda one: click.echo(f"{one.name} for {one.channel}: version {one.version}"))


@template.command("list")
@pass_context
def list_templates(context: Context) -> None:
    """List the templates, the latest version of each.

    \b
    crm --db shop.db template list
    """
    with context.crm() as crm:
        found = [_saved(one) for one in crm.templates()]
    show(context, found, _human)


def _human(found: Sequence[Saved]) -> None:
    rows = [(one.name, one.channel, one.locale, one.version, ", ".join(one.parts)) for one in found]
    table("Templates", ("name", "channel", "locale", "version", "parts"), rows)


def _saved(one: Template) -> Saved:
    return Saved(name=one.name, channel=one.channel, locale=one.locale, version=one.version, parts=sorted(one.parts))


def _file(path: Path) -> dict[str, str]:
    parts = plain_file(path)
    for name, text in parts.items():
        if not isinstance(text, str):
            raise InvalidFile(file=path, place=name, problem=f"a part of a template is a text, not {text!r}")
    return parts


def _directory(path: Path) -> dict[str, str]:
    """A line break at the end of a file is its editor's; a subject has none."""
    try:
        files = sorted(one for one in path.iterdir() if one.is_file() and not one.name.startswith("."))
        return {one.stem: one.read_text(encoding="utf-8").removesuffix("\n") for one in files}
    except (OSError, ValueError) as error:
        raise InvalidFile(file=path, place="the directory", problem=str(error)) from error
