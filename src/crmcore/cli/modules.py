"""The commands of modules: they stand beside those of the core, and are looked for only where the core has none of the name."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import attrs
import click

from crmcore.app import CRM
from crmcore.cli.output import Context
from crmcore.errors import CRMError, LoadError
from crmcore.hooks.checking import meant
from crmcore.registry import Fault, Registry, whence

#: Where click keeps, for one call, what plugins register, and the module whose command is named.
_FOUND, _OF_COMMAND = f"{__name__}.found", f"{__name__}.of_command"
#: What no typo is to lead to.
_NEVER_MEANT = "erase"


@attrs.frozen(kw_only=True)
class Added:
    """The commands that modules add, by name, with the module each is of, and those that had to be left out."""

    commands: Mapping[str, tuple[str, click.Command]] = attrs.field(factory=dict)
    faults: tuple[Fault, ...] = ()


@attrs.frozen(kw_only=True)
class ModuleContext(Context):
    """The options that stand before a command of a module."""

    module: str

    def crm(self) -> CRM:
        """Open the CRM the options name; raise LoadError where the module is left out, as with tables that are behind."""
        crm = CRM(self.database, workspace=self.workspace, config=self.config, actor=self.actor)
        try:
            self._ask(crm.registry)
        except CRMError:
            crm.close()
            raise
        return crm

    def _ask(self, opened: Registry) -> None:
        if self.module not in opened.modules:
            owners = [one.name for one in self.registry().plugins if f"module {self.module}" in one.registers]
            for one in opened.faults:
                if one.plugin in owners:
                    raise LoadError(plugin=one.plugin, problem=_shortened(one))
        opened.module(self.module)


def _shortened(fault: Fault) -> str:
    """Return a problem without the plugin's name and the full stop, which are around it where it is said."""
    named = f"Plugin {fault.plugin!r} "
    said = fault.problem.removesuffix(".")
    return f"it {said.removeprefix(named)}" if said.startswith(named) else said


def added(registry: Registry, taken: Collection[str]) -> Added:
    """Return the commands of modules; a name that is taken is a Fault, whether by the core or by a module before."""
    commands: dict[str, tuple[str, click.Command]] = {}
    faults: list[Fault] = []
    brought = [(name, one) for name, its in sorted(registry.modules.items()) for one in its.commands]
    for module, command in brought:
        name = str(command.name)
        if name in taken or name in commands:
            owner = f"the module {commands[name][0]}" if name in commands else "the core"
            faults.append(
                Fault(plugin=module, problem=f"its command {name!r} is left out: {owner} has one of that name")
            )
        else:
            commands[name] = (module, command)
    return Added(commands=commands, faults=tuple(faults))


def given_to(ctx: click.Context, options: Context) -> Context:
    """Return what the command that is named is given: one of a module's opens no CRM that the module is left out of."""
    module = ctx.meta.get(_OF_COMMAND)
    return options if module is None else ModuleContext(module=module, **attrs.asdict(options))


class Extended(click.Group):
    """A group that modules add commands to."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands; of the core alone where the settings are wrong."""
        try:
            others = self._others(ctx)
        except CRMError:
            others = {}
        return sorted([*super().list_commands(ctx), *others])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command of the core, else of a module."""
        found = super().get_command(ctx, cmd_name)
        return found or self._others(ctx).get(cmd_name, (None, None))[1]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that is named, and note the module it is of."""
        self._refuse_unknown(ctx, args[0])
        name, command, rest = super().resolve_command(ctx, args)
        if name is not None and name not in self.commands:
            ctx.meta[_OF_COMMAND] = self._others(ctx)[name][0]
        return name, command, rest

    def _refuse_unknown(self, ctx: click.Context, name: str) -> None:
        """Say which plugin would bring a command, else what is like it."""
        if name.startswith("-") or ctx.resilient_parsing or self.get_command(ctx, name) is not None:
            return
        if said := whence(name, _registry(ctx).faults):
            ctx.fail(f"No such command {name!r}: {said}")
        known = {*self.commands, *self._others(ctx)} - {_NEVER_MEANT}
        ctx.fail(f"No such command {name!r}{meant(name, known) or '; `crm --help` lists them'}")

    def _others(self, ctx: click.Context) -> Mapping[str, tuple[str, click.Command]]:
        return added(_registry(ctx), self.commands).commands


def _registry(ctx: click.Context) -> Registry:
    from crmcore.cli.migrating import registered

    if (found := ctx.meta.get(_FOUND)) is None:
        given = Context(database=None, workspace=None, config=ctx.params.get("config"), as_json=False)
        found = ctx.meta[_FOUND] = registered(given)
    registry: Registry = found
    return registry
