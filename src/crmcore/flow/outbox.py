"""The table [webhooks] of the settings: the addresses that steps name, and whether anything is posted at all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from crmcore.errors import InvalidCampaign, SettingsError
from crmcore.http.addresses import Refused, target
from crmcore.model import steps
from crmcore.model.campaign import Campaign
from crmcore.settings import Settings, secret

ALLOW_PRIVATE, HOLD = "allow_private", "hold"
_REFERENCES = ("env:", "file:")
PLACE = "the table [webhooks]"


@attrs.frozen(kw_only=True)
class Outbox:
    """Addresses by name, each as it is or by reference (env:NAME, file:PATH).

    `allow_private` lets posts go to this machine and to private networks, `hold` keeps all of them back.
    """

    addresses: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    allow_private: bool = False
    hold: bool = False

    def address(self, url: str) -> str:
        """Return an address, that of the setting where a name is given; raise SettingsError."""
        said = self.said(url)
        return secret(said, f"webhooks.{url}").reveal() if said.startswith(_REFERENCES) else said

    def said(self, url: str) -> str:
        """Return the address or reference that a step's `url` stands for; raise SettingsError."""
        if "://" in url:
            return url
        if url not in self.addresses:
            problem = f"it is missing; write under [webhooks]: {url} = an address, or env:NAME"
            raise SettingsError(key=f"webhooks.{url}", place=PLACE, problem=problem)
        return self.addresses[url]


def outbox(settings: Settings) -> Outbox:
    """Return what the settings say of webhooks; raise SettingsError."""
    table = settings.tables.get("webhooks", {})
    flags = {name: _flag(name, table.get(name, False)) for name in (ALLOW_PRIVATE, HOLD)}
    addresses = {name: value for name, value in table.items() if name not in flags}
    for name, value in addresses.items():
        if not isinstance(value, str) or not value:
            raise SettingsError(key=f"webhooks.{name}", place=PLACE, problem="it is no address")
    return Outbox(addresses=addresses, **flags)


def _flag(name: str, value: Any) -> bool:
    """Return a truth value; the environment has them as text."""
    said = {"true": True, "false": False}.get(str(value).lower())
    if said is None:
        raise SettingsError(key=f"webhooks.{name}", place=PLACE, problem="it is true or false")
    return said


def check(campaign: Campaign, settings: Settings) -> None:
    """Raise InvalidCampaign where a step posts to a setting that is not there, or to what nothing is posted to."""
    known = outbox(settings)
    for step in campaign.steps:
        if isinstance(step, steps.Webhook) and (problem := _problem(known, step.url)):
            raise InvalidCampaign(name=campaign.name, problem=f"step {step.name!r} posts to {step.url!r}: {problem}")


def _problem(known: Outbox, url: str) -> str:
    """A secret may be there only where it is needed: only what is written out is looked at."""
    try:
        said = known.said(url)
        if not said.startswith(_REFERENCES):
            target(said)
    except (SettingsError, Refused) as error:
        return str(error)
    return ""
