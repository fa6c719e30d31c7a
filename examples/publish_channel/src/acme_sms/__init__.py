"""Acme sms for crmcore: the channel `sms`, and its carrier `gateway`."""

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
    from acme_sms.channel import Sms

    return [Sms()]


@implements(crm_register_providers)
def providers(setup: Setup) -> Sequence[Provider | HttpProvider]:
    """Return the carrier."""
    from acme_sms.carrier import Account, Gateway

    return [Gateway(Account(**setup.section("channels.sms.gateway")))]
