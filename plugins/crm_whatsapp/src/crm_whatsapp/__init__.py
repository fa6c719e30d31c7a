"""WhatsApp for crmcore: the channel `whatsapp`, and the provider `cloud`, Meta's Cloud API."""

from __future__ import annotations

from collections.abc import Sequence

from crmcore.hooks.channel import Channel
from crmcore.hooks.marker import implements
from crmcore.hooks.provider import HttpProvider, Provider
from crmcore.hooks.setup import Setup
from crmcore.hooks.specs import crm_register_channels, crm_register_providers

__version__ = "0.1.0"

__all__ = ["__version__", "channels", "providers"]


@implements(crm_register_channels)
def channels(setup: Setup) -> Sequence[Channel]:
    """Return the channel."""
    from crm_whatsapp.channel import WhatsApp
    from crm_whatsapp.settings import checked_section

    checked_section(setup.section("channels.whatsapp"))
    return [WhatsApp()]


@implements(crm_register_providers)
def providers(setup: Setup) -> Sequence[Provider | HttpProvider]:
    """Return the carrier."""
    from crm_whatsapp.cloud import Cloud
    from crm_whatsapp.settings import cloud_settings

    return [Cloud(cloud_settings(setup.section("channels.whatsapp")))]
