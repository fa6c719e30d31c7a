"""Launching campaigns: checked over the whole audience first; then all set out, or a broadcast is planned for everyone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from crmcore.errors import InvalidCampaign, InvalidIdentity, RunState, UndefinedField
from crmcore.flow.blaming import blamed
from crmcore.flow.compose import customer_contexts, unsubscribe_link
from crmcore.flow.coupons import TRIAL
from crmcore.flow.holdout import is_held_out
from crmcore.flow.journeys import lookout, repeating
from crmcore.flow.journeys.entering import OPEN, setting_out
from crmcore.flow.plan import Plan
from crmcore.flow.progress import Progress
from crmcore.hooks.channel import Channel, Draft, Unrendered
from crmcore.hooks.sandbox import Fields
from crmcore.model.campaign import SEND, Campaign
from crmcore.model.condition import Condition
from crmcore.model.identity import Identity
from crmcore.model.purpose import message_class
from crmcore.model.template import Template
from crmcore.rules.plugin import Plugins
from crmcore.rules.tree import customer_ids, fetched
from crmcore.store import contexts, deliveries, enrolments, runs, segments, templates
from crmcore.store.deliveries import Planned
from crmcore.store.enrolments import Enrolment
from crmcore.store.runs import Run
from crmcore.store.scope import Scope

BATCH = 1000
#: A template by locale, each with its id.
Found = Mapping[str, tuple[int, Template]]


@attrs.frozen(kw_only=True)
class Launched:
    """A run that has begun: how many customers it is for, and how many of them are held out."""

    run_id: int
    campaign: str
    audience: int
    held_out: int


def audience(scope: Scope, campaign: Campaign, plugins: Plugins) -> list[int]:
    """Return the ids of the customers a campaign is for, now."""
    if not isinstance(campaign.audience, str):
        return _held(scope, campaign.audience, plugins)
    with blamed(campaign.audience):
        return _held(scope, segments.load(scope, campaign.audience).condition, plugins)


def _held(scope: Scope, condition: Condition, plugins: Plugins) -> list[int]:
    return sorted(one for (one,) in fetched(scope, customer_ids(condition, scope, plugins)))


def begin(scope: Scope, campaign: Campaign, customers: Sequence[int], salt: str, share: float) -> Launched:
    """Begin a run of steps: without a trigger the audience sets out at once; raise RunState where one takes customers in."""
    before = runs.find(scope, campaign.name)
    if before is not None and before.state in OPEN and before.campaign.takes_in:
        raise RunState(campaign=campaign.name, state=before.state, what="launched beside itself; crm.revise changes it")
    run = runs.begin(scope, campaign, salt)
    lookout.begin(scope, run)
    entered = customers if campaign.trigger is None else ()
    held = 0
    for start in range(0, len(entered), BATCH):
        some = entered[start : start + BATCH]
        out = [
            setting_out(scope, run, new_id, one, held_out=is_held_out(scope, share, run, one))
            for one, new_id in zip(some, scope.new_ids(len(some)), strict=True)
        ]
        enrolments.add(scope, out)
        repeating.note(scope, run, out)
        held += sum(one.held_out for one in out)
    return Launched(run_id=run.id, campaign=campaign.name, audience=len(customers), held_out=held)


def check(scope: Scope, plan: Plan, customers: Sequence[int], progress: Progress) -> None:
    """Render the message for everyone; raise UndefinedField, or InvalidCampaign, where one could not be made."""
    if plan.campaign.is_single:
        raise InvalidCampaign(name=plan.campaign.name, problem="such names are for the messages of crm.send")
    found = templates.latest(scope, plan.campaign.template, plan.channel.name)
    lacking: dict[str, list[str]] = {}
    for start in range(0, len(customers), BATCH):
        for field, example in _lacking(scope, plan, found, customers[start : start + BATCH]):
            lacking.setdefault(field, []).append(example)
        progress(min(start + BATCH, len(customers)), len(customers))
    for field, examples in sorted(lacking.items(), key=lambda one: -len(one[1])):
        raise UndefinedField(
            template=plan.campaign.template,
            field=field,
            count=len(examples),
            audience=len(customers),
            example=examples[0],
        )


def _lacking(scope: Scope, plan: Plan, found: Found, customers: Sequence[int]) -> list[tuple[str, str]]:
    """Return the field that is missing, and the customer, for each message that cannot be made; who cannot be reached gets none."""
    compiled = {one: plan.channel.compile(template) for one, template in found.values()}
    by_template: dict[int, list[Draft]] = {}
    reached = _reached(scope, plan, customers)
    there = [one for one in customers if one in reached]
    made = customer_contexts(scope, plan, there)
    for one, template_id, (context, _) in zip(there, _templates_of(scope, found, there), made, strict=True):
        by_template.setdefault(template_id, []).append(_trial(scope, plan, one, reached[one], context))
    drafts = [draft for some in by_template.values() for draft in some]
    answers = [answer for one, some in by_template.items() for answer in plan.channel.render(compiled[one], some)]
    return [
        (_field(plan, answer), _shown(draft))
        for draft, answer in zip(drafts, answers, strict=True)
        if isinstance(answer, Unrendered)
    ]


def _reached(scope: Scope, plan: Plan, customers: Sequence[int]) -> dict[int, Identity]:
    """Return an address of each customer whom the channel reaches: only to those can a message be tried out."""
    found = contexts.oldest_addresses(scope, customers, plan.channel.capabilities.address_kinds)
    return {one: address for one, address in found.items() if _is_taken(plan.channel, address)}


def _is_taken(channel: Channel, address: Identity) -> bool:
    try:
        channel.validate_address(address)
    except InvalidIdentity:
        return False
    return True


def _field(plan: Plan, answer: Unrendered) -> str:
    if answer.field is None:
        raise InvalidCampaign(name=plan.campaign.name, problem=answer.problem)
    return answer.field


def _shown(draft: Draft) -> str:
    return str(draft.context["customer"]["key"] or f"customer {draft.delivery_id}")


def _trial(scope: Scope, plan: Plan, customer_id: int, address: Identity, context: dict[str, Any]) -> Draft:
    link = unsubscribe_link(scope, plan, customer_id)
    own = Fields("message", {"coupon": TRIAL} if plan.has_codes else {})
    whole = context | {"links": Fields("links", {"unsubscribe": link}), "message": own}
    return Draft(
        delivery_id=customer_id, address=address, context=whole, message_key="trial", at=scope.now, unsubscribe=link
    )


def launch(scope: Scope, plan: Plan, customers: Sequence[int], salt: str) -> Launched:
    """Begin a run: enrol the audience, hold out its share, and plan a delivery for each, to every address where the channel does so."""
    found = templates.latest(scope, plan.campaign.template, plan.channel.name)
    run = runs.begin(scope, plan.campaign, salt)
    held = 0
    for start in range(0, len(customers), BATCH):
        some = customers[start : start + BATCH]
        enrolled = _enrolled(scope, plan, run, some)
        enrolments.add(scope, enrolled)
        deliveries.plan(scope, _planned(scope, plan, run, enrolled, _templates_of(scope, found, some)))
        held += sum(one.held_out for one in enrolled)
    return Launched(run_id=run.id, campaign=plan.campaign.name, audience=len(customers), held_out=held)


def _enrolled(scope: Scope, plan: Plan, run: Run, customers: Sequence[int]) -> list[Enrolment]:
    """A broadcast is one step: nobody waits for a time."""
    ids = scope.new_ids(len(customers))
    return [
        attrs.evolve(
            setting_out(scope, run, new_id, one, held_out=is_held_out(scope, plan.policy.holdout, run, one)),
            step=SEND,
            next="",
            due_at=None,
        )
        for one, new_id in zip(customers, ids, strict=True)
    ]


def _planned(
    scope: Scope, plan: Plan, run: Run, enrolled: Sequence[Enrolment], template_ids: Sequence[int]
) -> list[Planned]:
    customers = [one.customer_id for one in enrolled]
    addresses = contexts.reached(scope, plan.channel.name, customers)
    return [
        Planned(
            run_id=run.id,
            step=SEND,
            customer_id=one.customer_id,
            enrolment_id=one.id,
            channel=plan.channel.name,
            address_id=address_id,
            purpose=run.campaign.purpose,
            message_class=message_class(run.campaign.purpose),
            held_out=one.held_out,
            template_id=template_id,
            expires_at=scope.now + run.campaign.lifetime,
            priority=run.campaign.rank,
        )
        for one, template_id in zip(enrolled, template_ids, strict=True)
        for address_id in addresses.get(one.customer_id, (0,))
    ]


def _templates_of(scope: Scope, found: Found, customers: Sequence[int]) -> list[int]:
    said = contexts.locales(scope, customers)
    return [templates.for_locale(found, said.get(one, "")) for one in customers]
