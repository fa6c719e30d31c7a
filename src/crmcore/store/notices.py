"""The outbox: what notice hooks are to be told, and how far each plugin has read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import attrs
from sqlalchemy import delete, func, select

from crmcore.hooks.notices import (
    CampaignChange,
    CustomerChange,
    CustomerErased,
    CustomerMerge,
    DeliveryChange,
    EventTracked,
    SegmentChange,
)
from crmcore.store import bulk, schema
from crmcore.store.scope import Scope

#: The entry each hook is told of.
ENTRIES: dict[str, type[Any]] = {
    "crm_customer_changed": CustomerChange,
    "crm_customer_merged": CustomerMerge,
    "crm_customer_erased": CustomerErased,
    "crm_event_tracked": EventTracked,
    "crm_segment_changed": SegmentChange,
    "crm_campaign_changed": CampaignChange,
    "crm_delivery_changed": DeliveryChange,
}
HOOKS = {entry: hook for hook, entry in ENTRIES.items()}
_LATER = "ON CONFLICT (workspace_id, plugin) DO UPDATE SET notice_id = excluded.notice_id, failures = excluded.failures"


@attrs.frozen(kw_only=True)
class Notice:
    """One entry for one hook."""

    id: int
    hook: str
    entry: Any


def is_heard(scope: Scope, entry: type[Any]) -> bool:
    """Tell whether somebody listens to entries of a kind."""
    return HOOKS[entry] in scope.listened


def post(scope: Scope, entries: Sequence[Any]) -> None:
    """Put entries of one kind into the outbox, where somebody listens to them."""
    if not entries or not is_heard(scope, type(entries[0])):
        return
    hook = HOOKS[type(entries[0])]
    ids = scope.new_ids(len(entries))
    rows = [(new_id, hook, json.dumps(attrs.asdict(one)), scope.now) for new_id, one in zip(ids, entries, strict=True)]
    bulk.insert(scope, schema.notice, ("id", "hook", "payload", "created_at"), rows)


def unread(scope: Scope, plugin: str, hooks: Sequence[str], limit: int) -> list[Notice]:
    """Return the next notices a plugin has not been told of."""
    row, cursor = schema.notice.c, schema.notice_cursor.c
    read = select(cursor.notice_id).where(cursor.workspace_id == scope.workspace_id, cursor.plugin == plugin)
    query = select(row.id, row.hook, row.payload).where(
        row.workspace_id == scope.workspace_id,
        row.id > func.coalesce(read.scalar_subquery(), 0),
        row.hook.in_(hooks),
    )
    rows = scope.connection.execute(query.order_by(row.id).limit(limit))
    return [Notice(id=one, hook=hook, entry=ENTRIES[hook](**json.loads(payload))) for one, hook, payload in rows]


def advance(scope: Scope, plugin: str, notice_id: int) -> None:
    """Note that a plugin has been told of everything up to a notice."""
    columns = ("plugin", "notice_id", "failures")
    bulk.insert(scope, schema.notice_cursor, columns, [(plugin, notice_id, 0)], _LATER)


def prune(scope: Scope, plugins: Sequence[str]) -> None:
    """Drop what every plugin has been told of."""
    row, cursor = schema.notice.c, schema.notice_cursor.c
    read = select(cursor.plugin, cursor.notice_id).where(
        cursor.workspace_id == scope.workspace_id, cursor.plugin.in_(plugins)
    )
    positions = {plugin: notice_id for plugin, notice_id in scope.connection.execute(read)}
    if set(plugins) <= set(positions) and positions:
        told = delete(schema.notice).where(row.workspace_id == scope.workspace_id, row.id <= min(positions.values()))
        scope.connection.execute(told)
