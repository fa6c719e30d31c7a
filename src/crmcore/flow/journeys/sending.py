"""The step that sends: a delivery is planned for each, held out or not; whether it goes is decided when it is handed over."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import attrs

from crmcore.flow import coupons
from crmcore.flow.holdout import is_globally_held_out, is_in_step_share
from crmcore.flow.journeys.parting import arms_passed
from crmcore.flow.journeys.walking import Onward, Stage
from crmcore.model.purpose import MessageClass, Purpose, message_class
from crmcore.model.steps import Send
from crmcore.store import contexts, deliveries, templates
from crmcore.store.deliveries import Planned
from crmcore.store.enrolments import Enrolment
from crmcore.store.scope import Scope


@attrs.frozen
class _Route:
    """How a message goes to one customer: to each of these addresses, to none where it is 0."""

    channel: str
    addresses: tuple[int, ...]
    template_id: int


def send(stage: Stage, step: Send, arrived: Sequence[Enrolment]) -> list[Onward]:
    """Plan a message for each, to every address where its channel does so."""
    routes = _routes(stage.scope, step, sorted({one.customer_id for one in arrived}))
    to = [(one, routes[one.customer_id], address) for one in arrived for address in routes[one.customer_id].addresses]
    ids = stage.scope.new_ids(len(to))
    planned = [_planned(stage, step, *each, new_id) for each, new_id in zip(to, ids, strict=True)]
    if step.coupon:
        planned = coupons.with_codes(stage.scope, stage.registry.coupon_sources, step.coupon, planned)
    deliveries.plan(stage.scope, planned)
    return [stage.onward(step)] * len(arrived)


def occurrence(enrolment_id: int, at: int) -> int:
    """Return the 63 bits that tell this time somebody comes to a step from every other time."""
    digest = hashlib.blake2b(f"{enrolment_id}:{at}".encode(), digest_size=8, person=b"occurrence").digest()
    return int.from_bytes(digest, "big") >> 1


def _planned(stage: Stage, step: Send, one: Enrolment, route: _Route, address_id: int, new_id: int) -> Planned:
    campaign = stage.run.campaign
    purpose = step.purpose or campaign.purpose
    return Planned(
        id=new_id,
        run_id=stage.run.id,
        step=step.name,
        customer_id=one.customer_id,
        origin_id=one.origin_id,
        enrolment_id=one.id,
        channel=route.channel,
        address_id=address_id,
        purpose=purpose,
        message_class=message_class(purpose),
        held_out=_is_held_out(stage, step, purpose, one),
        template_id=route.template_id,
        expires_at=stage.scope.now + campaign.lifetime,
        priority=campaign.rank,
        occurrence=occurrence(one.id, stage.scope.now),
        arm=arms_passed(campaign, stage.paths[one.id]),
        version=one.version,
    )


def _is_held_out(stage: Stage, step: Send, purpose: Purpose, one: Enrolment) -> bool:
    if message_class(purpose) is MessageClass.TRANSACTIONAL:
        return False
    return (
        one.held_out
        or is_in_step_share(stage.run.salt, step.name, step.holdout, one.seed)
        or _is_kept_from_marketing(stage, one)
    )


def _is_kept_from_marketing(stage: Stage, one: Enrolment) -> bool:
    """Nobody is held out of a transactional campaign as a whole: of its marketing each step has to see to that."""
    is_for_all = message_class(stage.run.campaign.purpose) is MessageClass.TRANSACTIONAL
    return is_for_all and is_globally_held_out(stage.scope, stage.policy.holdout, one.customer_id)


def _routes(scope: Scope, step: Send, customers: Sequence[int]) -> dict[int, _Route]:
    """Return the first channel on which each customer has an address; on the first, without one, where there is none."""
    left = list(customers)
    found: dict[int, _Route] = {}
    for channel in step.channels:
        addresses = contexts.reached(scope, channel, left) if left else {}
        said = _templates(scope, step.template, channel, list(addresses)) if addresses else {}
        found |= {one: _Route(channel, some, said[one]) for one, some in addresses.items()}
        left = [one for one in left if one not in found]
    if left:
        said = _templates(scope, step.template, step.channels[0], left)
        found |= {one: _Route(step.channels[0], (0,), said[one]) for one in left}
    return found


def _templates(scope: Scope, name: str, channel: str, customers: Sequence[int]) -> Mapping[int, int]:
    known = templates.latest(scope, name, channel)
    if len(known) == 1:
        return dict.fromkeys(customers, templates.for_locale(known, ""))
    locales = contexts.locales(scope, customers)
    return {one: templates.for_locale(known, locales.get(one, "")) for one in customers}
