"""E-mail for crmcore: the channel `email`, and the providers `smtp` and `file`."""

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
    from crm_email.channel import Email
    from crm_email.settings import email_settings

    return [Email(email_settings(setup.section("channels.email")))]


@implements(crm_register_providers)
def providers(setup: Setup) -> Sequence[Provider | HttpProvider]:
    """Return the carriers."""
    from crm_email.file import Files
    from crm_email.settings import email_settings, file_settings, smtp_settings
    from crm_email.smtp import Smtp

    section = setup.section("channels.email")
    sender = email_settings(section)
    return [Smtp(smtp_settings(section), sender), Files(file_settings(section))]
