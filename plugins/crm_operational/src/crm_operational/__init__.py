"""Cases of the service for crmcore: what complaints open, agents work on, and campaigns take heed of."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from crmcore.hooks.coupon import CouponSource
from crmcore.hooks.gate import Gate
from crmcore.hooks.marker import implements
from crmcore.hooks.module import Module
from crmcore.hooks.notices import CustomerChange, CustomerMerge, EventTracked, Notices
from crmcore.hooks.rule import Rule
from crmcore.hooks.setup import Setup
from crmcore.hooks.specs import (
    crm_customer_changed,
    crm_customer_merged,
    crm_event_tracked,
    crm_register_coupon_sources,
    crm_register_gates,
    crm_register_modules,
    crm_register_rules,
    crm_register_steps,
)
from crmcore.hooks.step import Step

__version__ = "0.1.0"

__all__ = [
    "__version__",
    "changed",
    "coupon_sources",
    "gates",
    "is_code",
    "merged",
    "modules",
    "rules",
    "steps",
    "tracked",
]


def _is_named(setup: Setup) -> bool:
    """Tell whether the settings want the plugin: they have a table for its module."""
    return "operational" in setup.section("modules")


@implements(crm_register_modules)
def modules(setup: Setup) -> Sequence[Module]:
    """Return the module, where the settings name it: the table [modules.operational], which may be empty."""
    from crm_operational.module import Operational
    from crm_operational.settings import operational_settings

    if not _is_named(setup):
        return []
    return [Operational(operational_settings(setup.section("modules.operational")))]


@implements(crm_register_rules)
def rules(setup: Setup) -> Sequence[Rule]:
    """Return the rule `open_case`."""
    from crm_operational.rule import OpenCase

    return [OpenCase()] if _is_named(setup) else []


@implements(crm_register_gates)
def gates(setup: Setup) -> Sequence[Gate]:
    """Return the gate `open_case`."""
    from crm_operational.gate import OpenCaseGate

    return [OpenCaseGate()] if _is_named(setup) else []


@implements(crm_register_steps)
def steps(setup: Setup) -> Sequence[Step]:
    """Return the step `lead_score`, which reads what [modules.operational] says it may."""
    from crm_operational.settings import operational_settings
    from crm_operational.step import LeadScore

    settings = operational_settings(setup.section("modules.operational"))
    return [LeadScore(settings.scored)] if _is_named(setup) else []


@implements(crm_register_coupon_sources)
def coupon_sources(setup: Setup) -> Sequence[CouponSource]:
    """Return the source `checked`."""
    from crm_operational.coupons import CheckedCodes

    return [CheckedCodes()] if _is_named(setup) else []


@implements(crm_event_tracked)
def tracked(batch: Notices[EventTracked]) -> None:
    """Open and close cases; an event may be another customer's by now."""
    from crm_operational import cases
    from crm_operational.complaint import NAMES

    if events := [one.event_id for one in batch.entries if one.name in NAMES]:
        batch.write(lambda tables: cases.reconcile(tables, cases.owners(tables, events)))


@implements(crm_customer_merged)
def merged(batch: Notices[CustomerMerge]) -> None:
    """Let cases go where their events have gone."""
    from crm_operational import cases

    customers = {one for merge in batch.entries for one in (merge.from_id, merge.into_id)}
    batch.write(partial(cases.reconcile, customers=customers))


@implements(crm_customer_changed)
def changed(batch: Notices[CustomerChange]) -> None:
    """Let cases come back where a merge was taken back."""
    from crm_operational import cases

    customers = {one.customer_id for one in batch.entries}
    batch.write(partial(cases.reconcile, customers=customers))


def is_code(text: str) -> bool:
    """Tell whether a text, as a customer may write it, is a code of the source `checked`."""
    from crm_operational.coupons import is_code

    return is_code(text)
