"""Another channel in the place of one that may not be used: for whoever can be reached there, and for whom something is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from crmcore.errors import UnknownTemplate
from crmcore.flow.asking import Asking
from crmcore.model.decision import Decision, Rerouted, Skipped
from crmcore.model.delivery import Reason
from crmcore.store import contexts, deliveries, templates
from crmcore.store.claims import Claimed
from crmcore.store.scope import Scope

#: Why a message does not go that say nothing of another channel.
OF_A_CHANNEL = frozenset(
    {Reason.NO_ADDRESS, Reason.SUPPRESSED, Reason.NO_CONSENT, Reason.UNSUBSCRIBED, Reason.SESSION_CLOSED}
)


def ways(scope: Scope, template: str, channel: str, customers: Sequence[int]) -> dict[int, Rerouted]:
    """Return how a message goes by a channel, by customer; nothing of those who cannot be reached there."""
    addresses = contexts.reached(scope, channel, customers)
    said = _templates(scope, template, channel, sorted(addresses))
    return {
        one: Rerouted(channel=channel, addresses=addresses[one], template_id=said[one])
        for one in addresses
        if one in said
    }


def _templates(scope: Scope, name: str, channel: str, customers: Sequence[int]) -> Mapping[int, int]:
    try:
        found = templates.latest(scope, name, channel)
    except UnknownTemplate:
        return {}
    locales = contexts.locales(scope, customers)
    return {one: templates.for_locale(found, locales.get(one, "")) for one in customers}


def instead(asking: Asking, decided: Mapping[int, Decision]) -> dict[int, Decision]:
    """Return what is decided, but for messages that may go by a channel that their step names after this one."""
    plan, scope = asking.plan, asking.scope
    refused = {
        one.id: one.customer_id
        for one in _alone(asking, decided)
        if isinstance(decision := decided.get(one.id), Skipped) and decision.reason in OF_A_CHANNEL
    }
    found: dict[int, Decision] = {}
    for channel in plan.fallbacks:
        left = {one: customer for one, customer in refused.items() if one not in found}
        by_customer = ways(scope, plan.campaign.template, channel, sorted(set(left.values()))) if left else {}
        found |= {one: by_customer[customer] for one, customer in left.items() if customer in by_customer}
    return {**decided, **found}


def _alone(asking: Asking, decided: Mapping[int, Decision]) -> Sequence[Claimed]:
    """Leave out the messages that reach their customer at another address of the channel still, or have done so."""
    plan, scope = asking.plan, asking.scope
    if not plan.fallbacks or plan.channel.name not in scope.each_address:
        return asking.left
    stopped = {one.unit for one in asking.left if one.id in decided}
    going = deliveries.going(scope, plan.channel.name, stopped, decided.keys())
    return [one for one in asking.left if one.unit not in going]
