"""What a campaign of steps needs beside its messages, looked for before anybody sets out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC
from decimal import Decimal

from crmcore.errors import InvalidCampaign
from crmcore.flow import coupons
from crmcore.flow.plan import Plan
from crmcore.model.campaign import Campaign
from crmcore.model.condition import Op
from crmcore.model.cron import cron
from crmcore.model.happens import ENTERED, LEFT, Happens
from crmcore.model.local import time_of_day, weekdays
from crmcore.model.names import checked_name
from crmcore.model.quiet import wait
from crmcore.model.steps import AddToSegment, Call, Emit, Enter, Step, Update, Wait, WaitDate, WaitFor, WaitUntil
from crmcore.model.time import DAY, span
from crmcore.model.triggers import OnDate, OnSchedule, signed
from crmcore.model.values import normalise
from crmcore.model.zones import first, zone_named
from crmcore.registry import Registry
from crmcore.store import runs, segments
from crmcore.store.plans import campaign_of, data_of
from crmcore.store.scope import Scope


def check(campaign: Campaign, registry: Registry) -> None:
    """Raise where a step names what is not there, or says what nobody can read: UnknownPlugin, InvalidTime, InvalidName, InvalidValue, InvalidCampaign."""
    _check_readable(campaign)
    _check_trigger(campaign)
    for step in campaign.steps:
        place = f"campaign {campaign.name}, step {step.name}"
        _check_wait(step, place)
        _check_deed(step, registry, place)


def _check_readable(campaign: Campaign) -> None:
    """Raise InvalidCampaign for what could be written down and not read again: whoever meets its run would fail."""
    try:
        campaign_of(json.loads(json.dumps(data_of(campaign))))
    except TypeError as error:
        raise InvalidCampaign(name=campaign.name, problem=f"it cannot be written down: {error}") from error


def _check_wait(step: Step, place: str) -> None:
    match step:
        case Wait(lasting=lasting) | WaitFor(timeout=lasting):
            span(lasting, place)
        case WaitUntil(at=at, weekdays=days):
            time_of_day(at, place)
            weekdays(days, place)
        case WaitDate(at=at, offset=offset, attribute=attribute):
            signed(offset, place)
            time_of_day(at, place)
            checked_name(attribute, "attribute", place)
        case _:
            pass


def _check_deed(step: Step, registry: Registry, place: str) -> None:
    match step:
        case Update():
            for name, value in step.attributes.items():
                normalise(value, f"{place}, {checked_name(name, 'attribute', place)}")
            for tag in (*step.tags, *step.untags):
                checked_name(tag, "tag", place)
        case Emit(event=event):
            checked_name(event, "event", place)
        case Call(step=name):
            registry.step(name)
        case _:
            pass


def _check_trigger(campaign: Campaign) -> None:
    place = f"campaign {campaign.name}, trigger"
    match campaign.trigger:
        case OnSchedule(cron=text, zone=zone):
            cron(text, place)
            if zone_named(zone) is None:
                raise InvalidCampaign(
                    name=campaign.name, problem=f"there is no time zone {zone!r}; write Europe/London"
                )
        case OnDate(at=at):
            time_of_day(at, place)
        case _:
            pass
    if campaign.reentry.when == "interval" and isinstance(campaign.trigger, OnDate | OnSchedule):
        problem = "dates and schedules come round by themselves; leave reentry out, or say 'every' with a gap"
        raise InvalidCampaign(name=campaign.name, problem=problem)


def check_gates(made: Plan, step: str, now: int) -> None:
    """Raise InvalidCampaign for a message that no gate will ever let go: the policy leaves no minute of the week open."""
    rules = made.policy.timed
    opens = first(UTC, now, lambda reading: max((wait(rule, reading) for rule in rules), default=0), now + _WEEK)
    if opens == now + _WEEK:
        problem = (
            f"quiet hours and weekdays of the policy leave step {step!r} no time of the week on {made.channel.name}"
        )
        raise InvalidCampaign(name=made.campaign.name, problem=problem)


def check_prices(campaign: Campaign, prices: Mapping[str, Decimal]) -> None:
    """Raise InvalidCampaign for a step that goes by price where no channel of its has one: it would go by nothing."""
    for step in campaign.sends:
        if step.order == "price" and not prices.keys() & set(step.channels):
            problem = (
                f"step {step.name!r} goes by price, and no channel has one; say [channels.{step.channels[0]}] price"
            )
            raise InvalidCampaign(name=campaign.name, problem=problem)


#: Longer than a week: what is not open until then never is.
_WEEK = 8 * DAY


def _segments(campaign: Campaign) -> set[str]:
    """Return the segments of which it is looked out for who enters or leaves them."""
    waits = [one.event for one in campaign.steps if isinstance(one, WaitFor)]
    begins = [campaign.trigger] if isinstance(campaign.trigger, Happens) else []
    fields = [one.where for one in (*waits, *begins, *campaign.exits) if one.event in (ENTERED, LEFT)]
    return {str(one.value) for where in fields for one in where if one.name == "ref" and one.op is Op.EQ}


def check_stored(scope: Scope, campaign: Campaign, registry: Registry) -> None:
    """Raise where a step names what is not there: UnknownSegment, UnknownCampaign, UnknownCouponSource; InvalidCampaign for a rule's segment."""
    coupons.check(scope, campaign, registry.coupon_sources)
    for segment in sorted(_segments(campaign)):
        segments.load(scope, segment)
    for step in campaign.steps:
        if isinstance(step, Enter):
            runs.latest(scope, step.campaign)
        if isinstance(step, AddToSegment) and segments.load(scope, step.segment).kind == segments.RULE:
            problem = (
                f"step {step.name!r} adds to segment {step.segment!r}, which is a rule's; only lists can be added to"
            )
            raise InvalidCampaign(name=campaign.name, problem=problem)
