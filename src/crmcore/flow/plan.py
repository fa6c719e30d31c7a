"""All that one run needs to make messages: its campaign, channel, carrier and, where it has offers, an engine's advice."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from crmcore.errors import InvalidCampaign
from crmcore.flow.recommending import Advice, advice
from crmcore.hooks.channel import Channel
from crmcore.hooks.provider import Provider
from crmcore.model.campaign import Campaign
from crmcore.registry import Registry
from crmcore.settings import Settings
from crmcore.store.gates import Policy
from crmcore.store.scope import Scope


@attrs.frozen(kw_only=True)
class Plan:
    """How the messages of a campaign are made and sent."""

    campaign: Campaign
    channel: Channel
    provider: Provider
    public_url: str
    advice: Advice | None = None

    @property
    def policy(self) -> Policy:
        """What its messages have to pass."""
        needed = self.channel.capabilities.consent_needed
        return Policy(channel=self.channel.name, consent_needed=needed, topic=self.campaign.topic)


def plan(campaign: Campaign, registry: Registry, settings: Settings) -> Plan:
    """Return the plan of a campaign, not advised yet; raise UnknownPlugin or InvalidCampaign."""
    channel = registry.channel(campaign.channel)
    if campaign.offers is not None:
        registry.recommender(campaign.offers.engine)
    name = campaign.provider or _provider_name(campaign.channel, registry, settings)
    provider = registry.provider(campaign.channel, name)
    if not isinstance(provider, Provider):
        raise InvalidCampaign(name=campaign.name, problem=f"{name} speaks HTTP, which needs a driver")
    return Plan(campaign=campaign, channel=channel, provider=provider, public_url=settings.public_url)


def advised(scope: Scope, made: Plan, registry: Registry, as_of: int) -> Plan:
    """Return the plan with the advice of its engine, fitted on what had happened by `as_of`."""
    asked = made.campaign.offers
    if asked is None:
        return made
    return attrs.evolve(made, advice=advice(scope, registry.recommender(asked.engine), asked, as_of))


def _provider_name(channel: str, registry: Registry, settings: Settings) -> str:
    table = settings.tables.get("channels", {}).get(channel, {})
    if isinstance(table, Mapping) and "provider" in table:
        return str(table["provider"])
    known = [key.partition("/")[2] for key in registry.providers if key.startswith(f"{channel}/")]
    return known[0] if known else ""
