"""From deliveries to drafts: who is addressed, what is offered, where the links lead."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

from crmcore.flow import links, recommending
from crmcore.flow.freezing import freeze, thaw
from crmcore.flow.links import Link
from crmcore.flow.plan import Plan
from crmcore.flow.recommending import Shown
from crmcore.hooks.channel import Draft
from crmcore.hooks.sandbox import Fields
from crmcore.model.purpose import NO_CONSENT_NEEDED
from crmcore.model.values import from_json
from crmcore.store import contexts, deliveries
from crmcore.store.claims import Claimed
from crmcore.store.deliveries import Unit
from crmcore.store.scope import Scope


@attrs.frozen(kw_only=True)
class Composed:
    """A delivery with its draft, the context to keep, and the offers it shows."""

    claimed: Claimed
    draft: Draft
    frozen: str
    shown: tuple[Shown, ...] = ()


def compose(scope: Scope, plan: Plan, batch: Sequence[Claimed]) -> list[Composed]:
    """Return a draft per delivery; one that was handed over before is drafted from what was kept then.

    To however many addresses a message goes, it says the same.
    """
    fresh = [one for one in batch if one.context is None]
    said = _said_elsewhere(scope, plan, fresh)
    customers = list(dict.fromkeys(one.customer_id for one in fresh if one.unit not in said))
    made = dict(zip(customers, customer_contexts(scope, plan, customers), strict=True))
    drafted = {one.id: _first(scope, plan, one, *(said.get(one.unit) or made[one.customer_id])) for one in fresh}
    return [drafted[one.id] if one.context is None else _again(scope, one, one.context) for one in batch]


def _said_elsewhere(
    scope: Scope, plan: Plan, fresh: Sequence[Claimed]
) -> dict[Unit, tuple[dict[str, Any], tuple[Shown, ...]]]:
    """Return what messages have said at other addresses; that their offers were shown is noted there."""
    if not plan.channel.capabilities.each_address:
        return {}
    found = deliveries.kept(scope, plan.channel.name, {one.unit for one in fresh})
    return {unit: (_undated(thaw(context)), ()) for unit, context in found.items()}


def _undated(context: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in context.items() if name != "at"}


def customer_contexts(
    scope: Scope, plan: Plan, customers: Sequence[int]
) -> list[tuple[dict[str, Any], tuple[Shown, ...]]]:
    """Return what a template may say to each customer, and the offers in it."""
    known = contexts.of_customers(scope, customers)
    offered = _offered(scope, plan, customers)
    campaign = Fields("campaign", {"name": plan.campaign.name, **plan.campaign.fields})
    return [
        ({"customer": Fields("customer", known[one]), "campaign": campaign, "offers": fields, "message": _NONE}, shown)
        for one, (fields, shown) in zip(customers, offered, strict=True)
    ]


def _offered(scope: Scope, plan: Plan, customers: Sequence[int]) -> list[tuple[list[Fields], tuple[Shown, ...]]]:
    given = plan.advice
    if given is None:
        return [([], ())] * len(customers)
    rankings = recommending.recommended(given, customers, scope.now)
    return [
        (recommending.fields(given, ranking), tuple(recommending.shown(one, ranking)))
        for one, ranking in zip(customers, rankings, strict=True)
    ]


def _first(scope: Scope, plan: Plan, one: Claimed, context: dict[str, Any], shown: tuple[Shown, ...]) -> Composed:
    unsubscribe = unsubscribe_link(scope, plan, one.id)
    whole = {**context, "links": Fields("links", {"unsubscribe": unsubscribe}), "message": _message(one)}
    kept = freeze(whole | {"at": scope.now})
    return Composed(claimed=one, draft=_draft(scope, one, whole, scope.now, unsubscribe), frozen=kept, shown=shown)


def _message(one: Claimed) -> Fields:
    """Return the fields that were given to this one message."""
    return _NONE if one.fields is None else Fields("message", from_json(one.fields))


#: Those of a message of a campaign.
_NONE = Fields("message", {})


def _again(scope: Scope, one: Claimed, kept: str) -> Composed:
    context = thaw(kept)
    draft = _draft(scope, one, context, context.pop("at"), context["links"]["unsubscribe"])
    return Composed(claimed=one, draft=draft, frozen=kept)


def _draft(scope: Scope, one: Claimed, context: dict[str, Any], at: int, unsubscribe: str | None) -> Draft:
    return Draft(
        delivery_id=one.id,
        address=one.address,
        context=context,
        message_key=links.message_key(scope.workspace_id, one.id, scope.secret),
        at=at,
        unsubscribe=unsubscribe,
    )


def unsubscribe_link(scope: Scope, plan: Plan, delivery_id: int) -> str | None:
    """Return the one-click address of a message; what needs no consent cannot be unsubscribed from."""
    if plan.campaign.purpose in NO_CONSENT_NEEDED:
        return None
    link = Link(kind="unsubscribe", workspace_id=scope.workspace_id, row_id=delivery_id)
    return links.address(link, scope.secret, plan.public_url)
