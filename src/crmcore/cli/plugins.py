"""`crm plugins`: what is installed beside the core, and what it brings."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import click

from crmcore.cli.output import Context, pass_context, show, table
from crmcore.registry import Fault, Loaded


@attrs.frozen(kw_only=True)
class Plugins:
    """Those that loaded, and what kept others from it."""

    plugins: Sequence[Loaded]
    faults: Sequence[Fault]


@click.command()
@pass_context
def plugins(context: Context) -> None:
    """List the plugins: version, what each registers, which notices it listens to; and why others did not load.

    \b
    crm plugins
    crm --config shop.toml --json plugins
    """
    registry = context.registry()
    show(context, Plugins(plugins=registry.plugins, faults=registry.faults), _human)


def _human(found: Plugins) -> None:
    table("Plugins", ("name", "version", "registers", "listens to"), [_row(one) for one in found.plugins])
    if found.faults:
        table("Faults", ("plugin", "problem"), [(one.plugin, one.problem) for one in found.faults])


def _row(one: Loaded) -> Sequence[object]:
    return one.name, one.version, "\n".join(one.registers) or "nothing", "\n".join(one.listens) or "nothing"
