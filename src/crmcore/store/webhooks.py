"""What is to be posted to addresses of the host's: planned, taken by one process at a time, settled.

A lease is a time at which it is due again: what a process that died had taken is taken anew once that has come.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
from sqlalchemy import ColumnElement, Select, exists, select, update

from crmcore.model.values import to_json
from crmcore.store import bulk, schema
from crmcore.store.runs import CANCELLED, PAUSED
from crmcore.store.scope import Scope

PLANNED, CLAIMED, DONE, FAILED = "planned", "claimed", "done", "failed"
_UNSETTLED = "crm_webhook.settled_at IS NULL"


@attrs.frozen(kw_only=True)
class Posting:
    """What is to be posted for a customer; `url` is an address, or the name of a setting that has it."""

    run_id: int
    step: str
    customer_id: int
    origin_id: int
    enrolment_id: int
    url: str
    body: Mapping[str, Any]


@attrs.frozen(kw_only=True)
class Webhook:
    """One that a process has taken; `attempt` counts from 1, `body` is JSON."""

    id: int
    url: str
    body: str
    attempt: int


@attrs.frozen(kw_only=True)
class Settled:
    """What came of one: its state, why, and where it is tried again when (microseconds UTC)."""

    id: int
    state: str
    reason: str = ""
    due_at: int | None = None


@attrs.frozen(kw_only=True)
class WebhookView:
    """A webhook as a host sees it: planned, claimed, done, failed or cancelled; `key` is the customer's.

    `url` is as the step says it. Times are in microseconds UTC; `attempt` counts how often it was tried.
    """

    id: int
    campaign: str
    step: str
    key: str | None
    url: str
    state: str
    reason: str
    attempt: int
    planned_at: int
    due_at: int
    settled_at: int | None


def plan(scope: Scope, postings: Sequence[Posting]) -> None:
    """Write what is to be posted, due at once; each body says the id of its row."""
    named = ("run_id", "step", "customer_id", "origin_id", "enrolment_id", "url")
    rows = [
        (
            new_id,
            *(getattr(one, name) for name in named),
            to_json({**one.body, "id": str(new_id)}, one.step),
            PLANNED,
            "",
            0,
            scope.now,
            scope.now,
        )
        for one, new_id in zip(postings, scope.new_ids(len(postings)), strict=True)
    ]
    columns = ("id", *named, "body", "state", "reason", "attempt", "planned_at", "due_at")
    bulk.insert(scope, schema.webhook, columns, rows)


def any_due(scope: Scope) -> bool:
    """Tell whether something could be posted now."""
    return scope.connection.execute(due(scope, 1)).first() is not None


def claim(scope: Scope, owner: str, limit: int, lease_until: int) -> list[Webhook]:
    """Take those that are due first; nobody else takes them until the lease ends."""
    found = scope.connection.execute(due(scope, limit).with_for_update(skip_locked=True, of=schema.webhook)).all()
    taken = [Webhook(id=one, url=url, body=body, attempt=attempt + 1) for one, url, body, attempt in found]
    rows = [(CLAIMED, one.attempt, owner, lease_until, lease_until, one.id) for one in taken]
    columns = ("state", "attempt", "claimed_by", "lease_until", "due_at")
    bulk.update_all(scope, schema.webhook, columns, ("id",), rows, _UNSETTLED)
    return taken


def due(scope: Scope, limit: int) -> Select[Any]:
    """Return the select of what is due, of runs that do not stand still."""
    row = schema.webhook.c
    mine = (row.workspace_id == scope.workspace_id, row.settled_at.is_(None), row.due_at <= scope.now)
    query = select(row.id, row.url, row.body, row.attempt).where(*mine, ~_run_is(scope, PAUSED, CANCELLED))
    return query.order_by(row.due_at, row.id).limit(limit)


def _run_is(scope: Scope, *states: str) -> ColumnElement[bool]:
    run = schema.run.c
    its = (bulk.mine_by_id(scope, schema.run), run.id == schema.webhook.c.run_id)
    return exists().where(*its, run.state.in_(states))


def settle(scope: Scope, owner: str, settled: Sequence[Settled]) -> None:
    """Write what came of those an owner has taken, as far as they are still its own."""
    rows = [
        (
            one.state,
            one.reason,
            one.due_at or scope.now,
            None,
            scope.now if one.due_at is None else None,
            one.id,
            owner,
        )
        for one in settled
    ]
    columns = ("state", "reason", "due_at", "lease_until", "settled_at")
    bulk.update_all(scope, schema.webhook, columns, ("id", "claimed_by"), rows, _UNSETTLED)


def cancel(scope: Scope) -> None:
    """End what waits of runs that were cancelled."""
    row = schema.webhook.c
    mine = (row.workspace_id == scope.workspace_id, row.settled_at.is_(None), row.state == PLANNED)
    ended = update(schema.webhook).where(*mine, _run_is(scope, CANCELLED))
    scope.connection.execute(ended.values(state=CANCELLED, settled_at=scope.now))


def listed(scope: Scope, state: str | None, limit: int) -> list[WebhookView]:
    """Return webhooks, all or those in a state, the latest planned first."""
    row, customer, run, campaign = schema.webhook.c, schema.customer.c, schema.run.c, schema.campaign.c
    elsewhere = {"key": customer.key, "campaign": campaign.name}
    query = (
        select(*(elsewhere[name] if name in elsewhere else row[name] for name in _VIEWED))
        .join_from(schema.webhook, schema.customer, customer.id == row.customer_id)
        .join(schema.run, run.id == row.run_id)
        .join(schema.campaign, campaign.id == run.campaign_id)
        .where(*(table.c.workspace_id == scope.workspace_id for table in _TABLES))
        .where(*([] if state is None else [row.state == state]))
        .order_by(row.id.desc())
        .limit(limit)
    )
    return [WebhookView(**dict(zip(_VIEWED, found, strict=True))) for found in scope.connection.execute(query)]


_VIEWED = tuple(field.name for field in attrs.fields(WebhookView))
_TABLES = (schema.webhook, schema.customer, schema.run, schema.campaign)
