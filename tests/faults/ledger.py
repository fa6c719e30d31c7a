"""The ledger's rows as they stand in the database, read beside the CRM: the driver takes nobody's word for them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import attrs
from sqlalchemy import Connection, func, select

from crmcore.flow.links import message_key
from crmcore.store import schema


@attrs.frozen(kw_only=True)
class Row:
    """A delivery; `key` is what its message carries as Message-ID or Idempotency-Key, `unit` what may be there but once."""

    id: int
    key: str
    campaign: str
    unit: tuple[object, ...]
    customer: str
    is_marketing: bool
    state: str
    reason: str
    attempt: int
    was_handed: bool


def rows(connection: Connection) -> list[Row]:
    """Return all rows."""
    row, run, campaign, customer = (one.c for one in (schema.delivery, schema.run, schema.campaign, schema.customer))
    unit = (row.run_id, row.step, row.customer_id, row.channel, row.address_id, row.occurrence)
    (workspace_id, secret) = connection.execute(select(schema.workspace.c.id, schema.workspace.c.secret)).one()
    query = (
        select(row.id, campaign.name, customer.key, row.message_class, row.state, row.reason, row.attempt)
        .add_columns(row.handed_at.is_not(None), *unit)
        .join_from(schema.delivery, schema.run, run.id == row.run_id)
        .join(schema.campaign, campaign.id == run.campaign_id)
        .join(schema.customer, customer.id == row.customer_id)
    )
    return [
        Row(
            id=one,
            key=message_key(workspace_id, one, secret),
            campaign=name,
            unit=tuple(units),
            customer=known_as,
            is_marketing=kind == "marketing",
            state=state,
            reason=reason,
            attempt=attempt,
            was_handed=bool(was_handed),
        )
        for one, name, known_as, kind, state, reason, attempt, was_handed, *units in connection.execute(query)
    ]


def states(connection: Connection) -> Mapping[str, Counter[str]]:
    """Return how many rows of each campaign are in each state."""
    row, run, campaign = schema.delivery.c, schema.run.c, schema.campaign.c
    query = (
        select(campaign.name, row.state, func.count())
        .join_from(schema.delivery, schema.run, run.id == row.run_id)
        .join(schema.campaign, campaign.id == run.campaign_id)
        .group_by(campaign.name, row.state)
    )
    found: dict[str, Counter[str]] = {}
    for name, state, count in connection.execute(query):
        found.setdefault(name, Counter())[state] += count
    return found
