"""The hooks, by group.

Register hooks run once, when a CRM is assembled, and return contract objects. Notice hooks are
told what has happened, in batches, from an outbox that `crm work` reads: at least once, never on the caller's thread,
each plugin apart from the others; they can neither veto nor break what they are told of.
"""

from __future__ import annotations

from collections.abc import Sequence

from crmcore.hooks.channel import Channel
from crmcore.hooks.coupon import CouponSource
from crmcore.hooks.gate import Gate
from crmcore.hooks.marker import hookspec
from crmcore.hooks.module import Module
from crmcore.hooks.notices import (
    CampaignChange,
    CustomerChange,
    CustomerErased,
    CustomerMerge,
    DeliveryChange,
    EventTracked,
    Notices,
    SegmentChange,
)
from crmcore.hooks.provider import HttpProvider, Provider
from crmcore.hooks.recommender import Recommender
from crmcore.hooks.rule import Rule
from crmcore.hooks.setup import Setup
from crmcore.hooks.step import Step

# -- customer ---------------------------------------------------------------------------------------------------------


@hookspec
def crm_customer_changed(batch: Notices[CustomerChange]) -> None:
    """Customers were made, or their attributes, tags or identities changed.

    .. versionadded:: 0.1
    """


@hookspec
def crm_customer_merged(batch: Notices[CustomerMerge]) -> None:
    """Customers were found to be one.

    .. versionadded:: 0.1
    """


@hookspec
def crm_customer_erased(batch: Notices[CustomerErased]) -> None:
    """Customers were erased; modules have been asked to erase their share already.

    .. versionadded:: 0.1
    """


# -- event ------------------------------------------------------------------------------------------------------------


@hookspec
def crm_event_tracked(batch: Notices[EventTracked]) -> None:
    """Events came into the log.

    .. versionadded:: 0.1
    """


# -- segment ----------------------------------------------------------------------------------------------------------


@hookspec
def crm_register_rules(setup: Setup) -> Sequence[Rule]:
    """Return conditions that segments may use by name.

    .. versionadded:: 0.1
    """
    return ()


@hookspec
def crm_segment_changed(batch: Notices[SegmentChange]) -> None:
    """Segments were defined.

    .. versionadded:: 0.1
    """


# -- campaign ---------------------------------------------------------------------------------------------------------


@hookspec
def crm_register_steps(setup: Setup) -> Sequence[Step]:
    """Return kinds of campaign step.

    .. versionadded:: 0.1
    """
    return ()


@hookspec
def crm_register_gates(setup: Setup) -> Sequence[Gate]:
    """Return gates that every message passes before it is handed over.

    .. versionadded:: 0.1
    """
    return ()


@hookspec
def crm_campaign_changed(batch: Notices[CampaignChange]) -> None:
    """Runs of campaigns began or ended.

    .. versionadded:: 0.1
    """


# -- channel ----------------------------------------------------------------------------------------------------------


@hookspec
def crm_register_channels(setup: Setup) -> Sequence[Channel]:
    """Return channels: the media messages go by.

    .. versionadded:: 0.1
    """
    return ()


@hookspec
def crm_register_providers(setup: Setup) -> Sequence[Provider | HttpProvider]:
    """Return providers: the carriers of a channel.

    .. versionadded:: 0.1
    """
    return ()


@hookspec
def crm_delivery_changed(batch: Notices[DeliveryChange]) -> None:
    """Deliveries moved to another state.

    .. versionadded:: 0.1
    """


# -- assembly ---------------------------------------------------------------------------------------------------------


@hookspec
def crm_register_recommenders(setup: Setup) -> Sequence[Recommender]:
    """Return recommendation engines.

    .. versionadded:: 0.1
    """
    return ()


@hookspec
def crm_register_coupon_sources(setup: Setup) -> Sequence[CouponSource]:
    """Return sources of coupon codes.

    .. versionadded:: 0.1
    """
    return ()


@hookspec
def crm_register_modules(setup: Setup) -> Sequence[Module]:
    """Return modules: types of CRM with tables, jobs, commands and routes of their own.

    .. versionadded:: 0.1
    """
    return ()
