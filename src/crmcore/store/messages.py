"""What became of messages, one by one: who was to be told what, when, and whether it went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
from sqlalchemy import BigInteger, Select, case, cast, func, select

from crmcore.model.delivery import BOOKS, Book, State
from crmcore.store import bulk, runs, schema
from crmcore.store.scope import Scope


@attrs.frozen(kw_only=True)
class Message:
    """A message that went, or did not and never will.

    Attributes: `at` and `planned_at` (microseconds UTC: when it was handed over, or else ended; and since when it was to be);
    `customer` (the host's key, else the
    address); `key` (the cart or order its way through the campaign is about); `arm` (the variants it came by); `state` and
    `reason` as the ledger has them; `parts` (what it says, by part).
    """

    id: int
    customer_id: int
    at: int
    planned_at: int
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


def _message(key: str | None, address: str | None, of: str | None, *said: Any) -> Message:
    return Message(customer=key or address or "", key=of or "", **dict(zip(_SAID, said, strict=True)))


_SAID = ("id", "customer_id", "at", "planned_at", "campaign", "step", "channel", "arm", "state", "reason")


def _ended(scope: Scope) -> Select[Any]:
    row, customer, run, campaign = schema.delivery.c, schema.customer.c, schema.run.c, schema.campaign.c
    address, way = schema.identity.c, schema.enrolment.c
    mine = scope.workspace_id
    at = func.coalesce(row.handed_at, row.settled_at)
    value = select(address.value).where(address.workspace_id == mine, address.id == row.address_id).scalar_subquery()
    of = select(way.key).where(way.workspace_id == mine, way.id == row.enrolment_id).scalar_subquery()
    names = (row.step, row.channel, row.arm, row.state, row.reason)
    said = (row.id, row.customer_id, at, row.planned_at, campaign.name, *names)
    return (
        select(customer.key, value, of, *said)
        .join_from(schema.delivery, schema.customer, customer.id == row.customer_id)
        .join(schema.run, run.id == row.run_id)
        .join(schema.campaign, campaign.id == run.campaign_id)
        .where(row.workspace_id == mine, customer.workspace_id == mine)
        .where(run.workspace_id == mine, campaign.workspace_id == mine)
        .where(row.settled_at.is_not(None))
    )


@attrs.frozen(kw_only=True)
class Tally:
    """What is counted of a run beside its messages that are at an end."""

    campaign: str
    entered: int
    held_out: int
    waiting: int
    refused: Mapping[str, int]


def tally(scope: Scope, run_id: int) -> Tally:
    """Count the ways through a run, the messages that wait, and the matches that let nobody enter, by reason."""
    way, row, refusal = schema.enrolment.c, schema.delivery.c, schema.refusal.c
    held = func.sum(case((way.held_out, 1), else_=0))
    ways = select(func.count(), held).where(way.workspace_id == scope.workspace_id, way.run_id == run_id)
    entered, held_out = scope.connection.execute(ways).one()
    waits = select(func.count()).where(row.workspace_id == scope.workspace_id, row.run_id == run_id)
    refused = (
        select(refusal.reason, cast(func.sum(refusal.count), BigInteger))
        .where(refusal.workspace_id == scope.workspace_id, refusal.run_id == run_id)
        .group_by(refusal.reason)
        .order_by(refusal.reason)
    )
    return Tally(
        campaign=runs.load(scope, run_id).campaign.name,
        entered=entered,
        held_out=int(held_out or 0),
        waiting=scope.connection.execute(waits.where(row.settled_at.is_(None))).scalar_one(),
        refused={reason: count for reason, count in scope.connection.execute(refused)},
    )


def later_events(scope: Scope, name: str, customers: Sequence[int], since: int) -> Sequence[Any]:
    """Return the events of a name that customers had at a time or later: customer_id, occurred_at, amount, currency."""
    columns = ("customer_id", "occurred_at", "amount", "currency")
    same = {"name": name}
    return bulk.select_in_after(scope, schema.event, columns, same, "customer_id", customers, "occurred_at", since - 1)
