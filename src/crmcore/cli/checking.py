"""What `crm doctor` looks for beyond plugins that did not load: what would keep messages from going."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from crmcore.app import CRM
from crmcore.cli.modules import added
from crmcore.errors import CRMError
from crmcore.flow.nesting import unfounded
from crmcore.flow.plan import carrying, provider_names
from crmcore.hooks.provider import HttpProvider, Provider
from crmcore.http.driver import Driver
from crmcore.http.ways import ways
from crmcore.loader import BLOCKED
from crmcore.model.http import Http
from crmcore.model.template import Template
from crmcore.model.time import SystemClock
from crmcore.registry import Fault


def faults(crm: CRM) -> Iterator[Fault]:
    """Yield what is wrong: plugins, limits, how requests go out, segments, templates, carriers, commands and jobs of modules."""
    yield from (one for one in crm.registry.faults if one.problem != BLOCKED)
    yield from unfounded(crm.settings.limits, crm.registry)
    yield from _tried("[http]", partial(ways, crm.settings.http))
    yield from _segments(crm)
    yield from _templates(crm)
    yield from _carriers(crm)
    yield from _modules(crm)
    yield from _commands(crm)
    yield from _jobs(crm)


def _modules(crm: CRM) -> Iterator[Fault]:
    """Yield the modules that the settings name and nothing brings; one whose plugin did not load is told of already."""
    told = {one.plugin.removeprefix("crm_") for one in crm.registry.faults}
    for name in sorted(crm.settings.tables.get("modules", {}).keys() - told):
        yield from _tried(f"module {name!r}", partial(crm.registry.module, name))


def _commands(crm: CRM) -> Iterator[Fault]:
    from crmcore.cli import crm as core

    yield from added(crm.registry, core.commands).faults


def _jobs(crm: CRM) -> Iterator[Fault]:
    """Yield the jobs of modules that failed when they ran last; of modules that are gone nobody cares."""
    for one in crm.failing_jobs():
        times = f"{one.failures} times in a row" if one.failures > 1 else "once"
        yield Fault(plugin=one.module, problem=f"its job {one.job!r} has failed {times}: {one.problem}")


def _segments(crm: CRM) -> Iterator[Fault]:
    for name in crm.segments():
        yield from _tried(f"segment {name!r}", partial(_look, crm, name))


def _templates(crm: CRM) -> Iterator[Fault]:
    """Yield what no message can be made of: its channel is missing, or a setting of it such as the sender."""
    for one in crm.templates():
        yield from _tried(f"template {one.name!r}", partial(_compile, crm, one))


def _carriers(crm: CRM) -> Iterator[Fault]:
    """Yield the channels in use whose carriers are unknown, or cannot be opened: a secret is missing. Nothing is sent."""
    configured = crm.settings.tables.get("channels", {})
    for channel in sorted({*configured, *(one.channel for one in crm.templates())}):
        if channel in crm.registry.channels:
            yield from _carriers_of(crm, channel)
        else:
            yield from _tried(f"channel {channel!r}", partial(crm.registry.channel, channel))


def _carriers_of(crm: CRM, channel: str) -> Iterator[Fault]:
    """Look at each carrier by itself: one that is wrong hides no other."""
    names = provider_names(channel, crm.registry, crm.settings) or ("",)
    known = [crm.registry.providers[key] for name in names if (key := f"{channel}/{name}") in crm.registry.providers]
    for name in names:
        yield from _tried(f"setting channels.{channel}.provider", partial(crm.registry.provider, channel, name))
    for one in carrying(crm.registry.channel(channel), known):
        yield from _tried(f"channel {channel!r}", partial(_open, one))


def _look(crm: CRM, segment: str) -> None:
    crm.segment(segment).members(limit=1)


def _compile(crm: CRM, template: Template) -> None:
    crm.registry.channel(template.channel).compile(template)


def _open(provider: Provider | HttpProvider) -> None:
    """Open a carrier, by settings of [http] of no account: what is wrong with those is told once."""
    with Driver(Http(), SystemClock().now) as driver, driver.open(provider):
        """It can be opened."""


def _tried(what: str, act: Callable[[], object]) -> Iterator[Fault]:
    try:
        act()
    except CRMError as error:
        # Here one is already.
        said = str(error).removesuffix(" `crm doctor` lists plugins that did not load.")
        yield Fault(plugin="crmcore", problem=said if what in said else f"{what}: {said}")
    except Exception as error:  # noqa: BLE001 - what a plugin raises is what is looked for
        yield Fault(plugin="crmcore", problem=f"{what}: {type(error).__name__}")
