"""What became of messages, one by one: who was to be told what, when, and whether it went."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
from sqlalchemy import Select, func, select

from crmcore.model.delivery import BOOKS, Book, State
from crmcore.store import schema
from crmcore.store.scope import Scope


@attrs.frozen(kw_only=True)
class Message:
    """A message that went, or did not and never will.

    Attributes: `at` (microseconds UTC: when it was handed over, else when it ended); `customer` (the host's key, else the
    address); `key` (the cart or order its way through the campaign is about); `arm` (the variants it came by); `state` and
    `reason` as the ledger has them; `parts` (what it says, by part).
    """

    id: int
    at: int
    customer: str
    campaign: str
    step: str
    channel: str
    key: str
    arm: str
    state: str
    reason: str
    parts: Mapping[str, str] = attrs.field(factory=dict)

    @property
    def is_sent(self) -> bool:
        """Whether it went."""
        return BOOKS[State(self.state)] is Book.SENT

    @property
    def text(self) -> str:
        """What it says: its text part, or its only one."""
        return self.parts.get("text") or next(iter(self.parts.values()), "")


def ended(scope: Scope, run_id: int | None = None) -> list[Message]:
    """Return the messages that are at an end, those of one run or of all, by time and customer."""
    query = _ended(scope) if run_id is None else _ended(scope).where(schema.delivery.c.run_id == run_id)
    found = [_message(*row) for row in scope.connection.execute(query)]
    return sorted(found, key=lambda one: (one.at, one.customer, one.campaign, one.id))


def _message(one: int, at: int, key: str | None, address: str | None, *said: Any) -> Message:
    campaign, step, channel, of, arm, state, reason = said
    customer = key or address or ""
    return Message(
        id=one,
        at=at,
        customer=customer,
        campaign=campaign,
        step=step,
        channel=channel,
        key=of or "",
        arm=arm,
        state=state,
        reason=reason,
    )


def _ended(scope: Scope) -> Select[Any]:
    row, customer, run, campaign = schema.delivery.c, schema.customer.c, schema.run.c, schema.campaign.c
    address, way = schema.identity.c, schema.enrolment.c
    mine = scope.workspace_id
    at = func.coalesce(row.handed_at, row.settled_at)
    value = select(address.value).where(address.workspace_id == mine, address.id == row.address_id).scalar_subquery()
    of = select(way.key).where(way.workspace_id == mine, way.id == row.enrolment_id).scalar_subquery()
    said = (campaign.name, row.step, row.channel, of, row.arm, row.state, row.reason)
    return (
        select(row.id, at, customer.key, value, *said)
        .join_from(schema.delivery, schema.customer, customer.id == row.customer_id)
        .join(schema.run, run.id == row.run_id)
        .join(schema.campaign, campaign.id == run.campaign_id)
        .where(row.workspace_id == mine, customer.workspace_id == mine)
        .where(run.workspace_id == mine, campaign.workspace_id == mine)
        .where(row.settled_at.is_not(None))
    )
