"""The step that sends: a delivery is planned for each, held out or not; whether it goes is decided when it is handed over."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from crmcore.flow import coupons, elsewhere
from crmcore.flow.holdout import is_globally_held_out, is_in_step_share
from crmcore.flow.journeys.parting import arms_passed
from crmcore.flow.journeys.walking import Onward, Stage
from crmcore.flow.preferring import orders, with_prices
from crmcore.model.decision import Rerouted
from crmcore.model.purpose import MessageClass, Purpose, message_class
from crmcore.model.steps import Send
from crmcore.store import deliveries, templates
from crmcore.store.deliveries import Planned
from crmcore.store.enrolments import Enrolment


def send(stage: Stage, step: Send, arrived: Sequence[Enrolment]) -> list[Onward]:
    """Plan a message for each, to every address where its channel does so."""
    routes = _routes(stage, step, sorted({one.customer_id for one in arrived}))
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


def _planned(stage: Stage, step: Send, one: Enrolment, route: Rerouted, address_id: int, new_id: int) -> Planned:
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


def _routes(stage: Stage, step: Send, customers: Sequence[int]) -> dict[int, Rerouted]:
    """Return the first channel on which each customer has an address; on the first, without one, where there is none."""
    channels = with_prices(step, stage.prices).channels
    order = orders(stage.scope, step.order, channels, customers)
    found = elsewhere.first_ways(stage.scope, step.template, {one: (one, order[one]) for one in customers})
    known = {
        one: templates.latest(stage.scope, step.template, one)
        for one in {order[c][0] for c in customers if c not in found}
    }
    return found | {
        one: Rerouted(channel=order[one][0], addresses=(0,), template_id=templates.for_locale(known[order[one][0]], ""))
        for one in customers
        if one not in found
    }
