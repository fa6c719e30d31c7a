"""The ledger as rows of a file, in the order it was planned: to be looked into, not to be read back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from crmcore.store import leads, paging, schema
from crmcore.store.scope import Scope


def pages(scope: Scope) -> Iterator[list[tuple[Any, ...]]]:
    """Yield all deliveries as rows of `headings.OF_DELIVERIES`."""
    for page in paging.deliveries(scope):
        yield _rows(scope, page)


def _rows(scope: Scope, page: Sequence[Any]) -> list[tuple[Any, ...]]:
    called = leads.of(scope, {one.customer_id for one in page})
    runs = paging.by_id(scope, schema.run, ("campaign_id", "version"), {one.run_id for one in page})
    campaigns = paging.by_id(scope, schema.campaign, ("name",), {campaign_id for campaign_id, _ in runs.values()})
    addresses = paging.by_id(scope, schema.identity, ("value",), {one.address_id for one in page})
    templates = paging.by_id(scope, schema.template, ("name", "version"), {one.template_id for one in page})
    rows = []
    for one in page:
        campaign_id, version = runs[one.run_id]
        lead = called.get(one.customer_id)
        template, template_version = templates.get(one.template_id, (None, None))
        row = (
            one.id,
            campaigns[campaign_id][0],
            version,
            one.run_id,
            one.step,
            None if lead is None else lead.value,
            None if lead is None else lead.kind,
            one.channel,
            *addresses.get(one.address_id, (None,)),
            one.occurrence,
            one.purpose,
            one.message_class,
            one.state,
            one.reason or None,
            one.held_out,
            one.arm or None,
            template,
            template_version,
            one.attempt,
            one.planned_at,
            one.due_at,
            one.expires_at,
            one.handed_at,
            one.settled_at,
            one.provider,
            one.provider_id,
        )
        rows.append(row)
    return rows
