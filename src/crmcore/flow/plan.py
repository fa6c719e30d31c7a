"""All that one run needs to make messages: its campaign, channel, carrier and, where it has offers, an engine's advice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from crmcore.flow.policies import policy
from crmcore.flow.preferring import with_prices
from crmcore.flow.recommending import Advice, advice
from crmcore.hooks.channel import Channel
from crmcore.hooks.provider import HttpProvider, Provider
from crmcore.model.campaign import Campaign
from crmcore.model.policy import NO_POLICY, Policy, narrowed
from crmcore.model.purpose import MessageClass, message_class
from crmcore.model.reaching import Fallback, Order
from crmcore.registry import Registry
from crmcore.settings import Settings
from crmcore.store.gates import Terms
from crmcore.store.scope import Scope


@attrs.frozen(kw_only=True)
class Plan:
    """How the messages of a campaign are made and sent on one channel.

    `policy` is what they have to pass; `others` are the kinds of addresses of the channels that stand in for this one at
    some times. `fallbacks` are the other channels that the step names, in the `order` in which they are tried, and `fallback`
    is when the next one's turn comes after the message has gone; `has_codes` tells that each is given a code.
    `provider` carries them; where a channel has several, each kind of address goes by the first of `carriers` that takes it.
    """

    campaign: Campaign
    channel: Channel
    provider: Provider | HttpProvider
    public_url: str
    advice: Advice | None = None
    policy: Policy = NO_POLICY
    others: Mapping[str, frozenset[str]] = attrs.field(factory=dict)
    fallbacks: tuple[str, ...] = ()
    order: Order = "given"
    fallback: Fallback | None = None
    has_codes: bool = False
    carriers: tuple[Provider | HttpProvider, ...] = ()

    @property
    def carrier(self) -> str:
        """Channel and provider."""
        return f"{self.channel.name}/{self.provider.name}"

    def to(self, kind: str) -> Plan | None:
        """Return the plan of the messages that go to a kind of address; None where no carrier takes it."""
        found = next((one for one in self.carriers or (self.provider,) if _takes(one, kind)), None)
        return None if found is None else self.by(found)

    def by(self, provider: Provider | HttpProvider) -> Plan:
        """Return the plan of the messages that a carrier takes."""
        return self if provider is self.provider else attrs.evolve(self, provider=provider)

    @property
    def terms(self) -> Terms:
        """What customers have to have said: nothing where the messages are transactional."""
        is_marketing = message_class(self.campaign.purpose) is MessageClass.MARKETING
        needed = self.channel.capabilities.consent_needed and is_marketing
        topic = self.campaign.topic if is_marketing else None
        return Terms(
            channel=self.channel.name,
            consent_needed=needed,
            topic=topic,
            is_confirmation_needed=self.campaign.purpose in self.policy.double_opt_in,
        )


def step_plan(campaign: Campaign, step: str, channel: str, registry: Registry, settings: Settings) -> Plan:
    """Return the plan of a step's message on one of its channels, as `plan` does; the first where none is named."""
    made = plan(campaign.message(step, channel), registry, settings, channel or None)
    said = next((with_prices(one, settings.prices) for one in campaign.sends if one.name == step), None)
    if said is None:
        return made
    is_first = made.channel.name == campaign.message(step).channel
    return attrs.evolve(
        made,
        # A channel that stands in for the first has nobody to stand in for it, as in `plan`.
        others=made.others if is_first else {},
        fallbacks=_others_than(made.channel.name, said.channels),
        order=said.order,
        fallback=said.fallback,
        has_codes=bool(said.coupon),
    )


def _others_than(channel: str, channels: Sequence[str]) -> tuple[str, ...]:
    """Return the rest of the channels; nothing for one that stands in for them at some times."""
    return tuple(one for one in channels if one != channel) if channel in channels else ()


def plan(campaign: Campaign, registry: Registry, settings: Settings, on: str | None = None) -> Plan:
    """Return the plan of a campaign on its channel or another, not advised yet; raise UnknownPlugin."""
    channel = registry.channel(on or campaign.channel)
    if campaign.offers is not None:
        registry.recommender(campaign.offers.engine)
    its_own = campaign.provider if channel.name == campaign.channel else ""
    its = (registry.provider(channel.name, its_own),) if its_own else carriers_of(channel, registry, settings)
    rules = _rules(campaign, channel.name, settings)
    return Plan(
        campaign=campaign,
        channel=channel,
        provider=its[0],
        carriers=its,
        public_url=settings.public_url,
        policy=rules,
        # What stands in for another has nobody to stand in for it: no message goes round in circles.
        others=_others(rules, registry) if channel.name == campaign.channel else {},
    )


def _takes(provider: Provider | HttpProvider, kind: str) -> bool:
    return not provider.carriage.address_kinds or kind in provider.carriage.address_kinds


def _rules(campaign: Campaign, channel: str, settings: Settings) -> Policy:
    whole = policy(settings.tables.get("policy", {}))
    return narrowed(whole, channel=channel, tags=campaign.tags, message_class=message_class(campaign.purpose))


def _others(rules: Policy, registry: Registry) -> dict[str, frozenset[str]]:
    """Return the address kinds of the channels that rules lead to."""
    named = {rule.then for rule in rules.timed} & registry.channels.keys()
    return {name: registry.channels[name].capabilities.address_kinds for name in sorted(named)}


def advised(scope: Scope, made: Plan, registry: Registry, as_of: int) -> Plan:
    """Return the plan with the advice of its engine, fitted on what had happened by `as_of`."""
    asked = made.campaign.offers
    if asked is None:
        return made
    engine = registry.recommender(asked.engine)
    return attrs.evolve(made, advice=advice(scope, engine, asked, made.campaign.purpose, as_of))


def provider_names(channel: str, registry: Registry, settings: Settings) -> tuple[str, ...]:
    """Return the carriers of a channel, the preferred one first: those its settings name (one, or a list), else all there are."""
    table = settings.tables.get("channels", {}).get(channel, {})
    if isinstance(table, Mapping) and "provider" in table:
        said = table["provider"]
        return tuple(str(one) for one in said) if isinstance(said, list | tuple) else (str(said),)
    return tuple(key.partition("/")[2] for key in registry.providers if key.startswith(f"{channel}/"))


def carriers_of(channel: Channel, registry: Registry, settings: Settings) -> tuple[Provider | HttpProvider, ...]:
    """Return the carriers of a channel that carry anything, the preferred one first; raise UnknownPlugin."""
    found = [registry.provider(channel.name, one) for one in provider_names(channel.name, registry, settings) or ("",)]
    return carrying(channel, found) or (found[0],)


def carrying(channel: Channel, found: Sequence[Provider | HttpProvider]) -> tuple[Provider | HttpProvider, ...]:
    """Return those of some carriers that carry anything.

    Each kind of address goes by the first that takes it: one that takes all leaves nothing to those after it.
    """
    kinds = sorted(channel.capabilities.address_kinds)
    first = [next((one for one in found if _takes(one, kind)), None) for kind in kinds]
    return tuple(one for one in found if one in first)
