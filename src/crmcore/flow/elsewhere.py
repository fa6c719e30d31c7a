"""By which channel a message goes: for whoever can be reached there, and for whom something is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from crmcore.errors import UnknownTemplate
from crmcore.flow.asking import Asking
from crmcore.flow.preferring import orders
from crmcore.model.decision import Decision, Rerouted, Skipped
from crmcore.model.delivery import Reason
from crmcore.store import contexts, deliveries, templates, units
from crmcore.store.claims import Claimed
from crmcore.store.rerouting import Other
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


def others_of(delivery_id: int, to: Rerouted) -> list[Other]:
    """Return what is planned on another channel after a delivery: one to each address."""
    return [
        Other(delivery_id=delivery_id, channel=to.channel, address_id=one, template_id=to.template_id)
        for one in to.addresses
    ]


def _templates(scope: Scope, name: str, channel: str, customers: Sequence[int]) -> Mapping[int, int]:
    try:
        found = templates.latest(scope, name, channel)
    except UnknownTemplate:
        return {}
    if len(found) == 1:
        return dict.fromkeys(customers, templates.for_locale(found, ""))
    locales = contexts.locales(scope, customers)
    return {one: templates.for_locale(found, locales.get(one, "")) for one in customers}


def first_ways(scope: Scope, template: str, wanted: Mapping[int, tuple[int, Sequence[str]]]) -> dict[int, Rerouted]:
    """Return how each message goes by the first channel that reaches its customer: `wanted` has both, by message.

    Those that can go by none of theirs are left out. All whose turn it is on a channel are looked up at once.
    """
    found: dict[int, Rerouted] = {}
    for turn in range(max((len(channels) for _, channels in wanted.values()), default=0)):
        by_channel: dict[str, dict[int, int]] = {}
        for one, (customer, channels) in wanted.items():
            if one not in found and turn < len(channels):
                by_channel.setdefault(channels[turn], {})[one] = customer
        for channel, some in sorted(by_channel.items()):
            by_customer = ways(scope, template, channel, sorted(set(some.values())))
            found |= {one: by_customer[customer] for one, customer in some.items() if customer in by_customer}
    return found


def instead(asking: Asking, decided: Mapping[int, Decision]) -> dict[int, Decision]:
    """Return what is decided, but for messages that may go by a channel of their step that was not tried before."""
    plan, scope = asking.plan, asking.scope
    refused = {
        one.id: (one.customer_id, decision.reason)
        for one in _alone(asking, decided)
        if isinstance(decision := decided.get(one.id), Skipped) and decision.reason in OF_A_CHANNEL
    }
    if not refused or not plan.fallbacks:
        return dict(decided)
    customers = sorted({customer for customer, _ in refused.values()})
    first = asking.left[0]
    tried = units.of_step(scope, first.run_id, first.step, customers)
    order = orders(scope, plan.order, plan.fallbacks, customers)
    wanted = {
        one: (customer, [name for name in order[customer] if name not in tried[one].channels])
        for one, (customer, _) in refused.items()
    }
    found = first_ways(scope, plan.campaign.template, wanted)
    return {**decided, **{one: attrs.evolve(way, why=refused[one][1]) for one, way in found.items()}}


def _alone(asking: Asking, decided: Mapping[int, Decision]) -> Sequence[Claimed]:
    """Leave out the messages that reach their customer at another address of the channel still, or have done so."""
    plan, scope = asking.plan, asking.scope
    if not plan.fallbacks or plan.channel.name not in scope.each_address:
        return asking.left
    stopped = {one.unit for one in asking.left if one.id in decided}
    going = deliveries.going(scope, plan.channel.name, stopped, decided.keys())
    return [one for one in asking.left if one.unit not in going]
