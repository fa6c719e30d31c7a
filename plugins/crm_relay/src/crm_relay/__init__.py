"""Tells other systems what happens: each notice is posted to an address of yours, signed, in order, at least once.

Notices are kept in a table as they come, and posted by a job of `crm work`. An address that is not there for a while
gets everything afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from crm_relay.keeping import keep
from crm_relay.tables import forget
from crmcore.hooks.marker import implements
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
from crmcore.hooks.setup import Setup
from crmcore.hooks.specs import (
    crm_campaign_changed,
    crm_customer_changed,
    crm_customer_erased,
    crm_customer_merged,
    crm_delivery_changed,
    crm_event_tracked,
    crm_register_modules,
    crm_segment_changed,
)

__version__ = "0.1.0"

__all__ = ["__version__"]


@implements(crm_register_modules)
def modules(setup: Setup) -> Sequence[Module]:
    """Return the module, where the settings name it: the table [modules.relay]."""
    from crm_relay.module import Relay
    from crm_relay.settings import relay_settings

    if "relay" not in setup.section("modules"):
        return []
    return [Relay(relay_settings(setup))]


@implements(crm_customer_changed)
def customer_changed(batch: Notices[CustomerChange]) -> None:
    """Relay that customers changed."""
    keep("customer_changed", batch)


@implements(crm_customer_merged)
def customer_merged(batch: Notices[CustomerMerge]) -> None:
    """Relay that customers are one."""
    keep("customer_merged", batch)


@implements(crm_customer_erased)
def customer_erased(batch: Notices[CustomerErased]) -> None:
    """Relay that customers were erased, so that others erase them too; what waits about them goes no more."""
    batch.write(partial(forget, customer_ids=[one.customer_id for one in batch.entries]))
    keep("customer_erased", batch)


@implements(crm_event_tracked)
def event_tracked(batch: Notices[EventTracked]) -> None:
    """Relay events."""
    keep("event_tracked", batch)


@implements(crm_segment_changed)
def segment_changed(batch: Notices[SegmentChange]) -> None:
    """Relay that segments were defined."""
    keep("segment_changed", batch)


@implements(crm_campaign_changed)
def campaign_changed(batch: Notices[CampaignChange]) -> None:
    """Relay where runs of campaigns are."""
    keep("campaign_changed", batch)


@implements(crm_delivery_changed)
def delivery_changed(batch: Notices[DeliveryChange]) -> None:
    """Relay where deliveries are."""
    keep("delivery_changed", batch)
