"""What `crm doctor` looks for beyond plugins that did not load: what would keep messages from going."""

from __future__ import annotations

from collections.abc import Iterator

from crmcore.app import CRM
from crmcore.errors import CRMError
from crmcore.flow.nesting import unfounded
from crmcore.flow.plan import provider_name
from crmcore.hooks.provider import Provider
from crmcore.registry import Fault


def faults(crm: CRM) -> Iterator[Fault]:
    """Yield what is wrong: plugins, limits on what there is not, segments, templates, carriers."""
    yield from crm.registry.faults
    yield from unfounded(crm.settings.limits, crm.registry)
    yield from _segments(crm)
    yield from _templates(crm)
    yield from _carriers(crm)


def _segments(crm: CRM) -> Iterator[Fault]:
    for name in crm.segments():
        try:
            crm.segment(name).members(limit=1)
        except CRMError as error:
            yield Fault(plugin="crmcore", problem=f"segment {name!r}: {error}")


def _templates(crm: CRM) -> Iterator[Fault]:
    """Yield what no message can be made of: its channel is missing, or a setting of it such as the sender."""
    for one in crm.templates():
        try:
            crm.registry.channel(one.channel).compile(one)
        except CRMError as error:
            yield Fault(plugin="crmcore", problem=f"template {one.name!r}: {error}")


def _carriers(crm: CRM) -> Iterator[Fault]:
    """Yield the channels in use whose carrier is unknown, or cannot be opened: a secret is missing. Nothing is sent."""
    configured = crm.settings.tables.get("channels", {})
    for channel in sorted({*configured, *(one.channel for one in crm.templates())}):
        try:
            crm.registry.channel(channel)
            provider = crm.registry.provider(channel, provider_name(channel, crm.registry, crm.settings))
            if isinstance(provider, Provider):
                with provider.open():
                    """It can be opened."""
        except CRMError as error:
            yield Fault(plugin="crmcore", problem=f"channel {channel!r}: {error}")
