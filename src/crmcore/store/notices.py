"""The outbox: what notice hooks are to be told, in the order in which it was committed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import takewhile
from typing import Any

import attrs
from sqlalchemy import ColumnElement, Select, delete, func, select, update

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
#: So many get their positions in one transaction; others write between two.
LINED_UP = 10_000


@attrs.frozen(kw_only=True)
class Notice:
    """One entry for one hook."""

    position: int
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
    rows = [(hook, json.dumps(attrs.asdict(one)), scope.now) for one in entries]
    bulk.insert(scope, schema.notice, ("hook", "payload", "created_at"), rows)


def any_waits(scope: Scope) -> bool:
    """Tell whether there are notices that have no position yet."""
    return scope.connection.execute(_unplaced(scope).limit(1)).first() is not None


def line_up(scope: Scope) -> bool:
    """Give the next positions to notices that have none, the first written first; tell whether more may be left.

    A transaction that wrote earlier and commits later is behind: its notices have no position before anybody can see
    them, and nobody gives positions beside us.
    """
    last, row = _last_held(scope), schema.notice.c
    ids = scope.connection.execute(_unplaced(scope).limit(LINED_UP)).scalars().all()
    if not ids:
        return False
    these = (row.workspace_id == scope.workspace_id, row.position.is_(None), row.id.between(ids[0], ids[-1]))
    shift = last + 1 - ids[0]
    scope.connection.execute(update(schema.notice).where(*these).values(position=row.id + shift))
    line = schema.notice_line
    mine = update(line).where(line.c.workspace_id == scope.workspace_id)
    scope.connection.execute(mine.values(last=ids[-1] + shift))
    return len(ids) == LINED_UP


def _unplaced(scope: Scope) -> Select[int]:
    row = schema.notice.c
    # As the index has them: PostgreSQL would look for them among all there are, by their ids.
    in_order = select(row.id).order_by(row.position, row.id)
    return in_order.where(row.workspace_id == scope.workspace_id, row.position.is_(None))


def _last_held(scope: Scope) -> int:
    """Return the last position that was given, and let nobody else give any until the transaction ends."""
    row = schema.notice_line.c
    query: Select[int] = select(row.last).where(row.workspace_id == scope.workspace_id).with_for_update()
    held = scope.connection.execute(query).scalar()
    if held is None:
        bulk.insert_new(scope, schema.notice_line, ("last",), [(_greatest(scope),)])
        return scope.connection.execute(query).scalar_one()
    return held


def last(scope: Scope) -> int:
    """Return the last position that was given."""
    row = schema.notice_line.c
    given = scope.connection.execute(select(row.last).where(row.workspace_id == scope.workspace_id)).scalar()
    return 0 if given is None else given


def _greatest(scope: Scope) -> int:
    """Return the greatest position that anything has: databases of earlier releases have no line."""
    found = [
        scope.connection.execute(
            select(func.max(one.c.position)).where(one.c.workspace_id == scope.workspace_id, one.c.position > 0)
        )
        for one in (schema.notice, schema.notice_cursor)
    ]
    return max(one.scalar() or 0 for one in found)


def after(scope: Scope, position: int, hooks: Sequence[str], limit: int) -> list[Notice]:
    """Return the next notices after a position, of some hooks."""
    row = schema.notice.c
    query = select(row.position, row.hook, row.payload).where(*_beyond(scope, position, hooks))
    rows = scope.connection.execute(query.order_by(row.position).limit(limit))
    return [Notice(position=at, hook=hook, entry=ENTRIES[hook](**json.loads(said))) for at, hook, said in rows]


def behind(scope: Scope, position: int, hooks: Sequence[str]) -> tuple[int, int | None]:
    """Return how many notices come after a position, of some hooks, and when the oldest was written."""
    row = schema.notice.c
    waiting = (row.workspace_id == scope.workspace_id, row.position.is_(None), row.hook.in_(hooks))
    query = select(func.count(), func.min(row.created_at))
    placed = scope.connection.execute(query.where(*_beyond(scope, position, hooks))).one()
    coming = scope.connection.execute(query.where(*waiting)).one()
    return placed[0] + coming[0], min((one[1] for one in (placed, coming) if one[1] is not None), default=None)


def between(scope: Scope, position: int, end: int, hooks: Sequence[str]) -> int:
    """Return how many notices come after a position and up to another, of some hooks."""
    some = _beyond(scope, position, hooks)
    return scope.connection.execute(select(func.count()).where(*some, schema.notice.c.position <= end)).scalar_one()


def _beyond(scope: Scope, position: int, hooks: Sequence[str]) -> tuple[ColumnElement[bool], ...]:
    row = schema.notice.c
    return row.workspace_id == scope.workspace_id, row.position > position, row.hook.in_(hooks)


def older(scope: Scope, than: int) -> int | None:
    """Return the position up to which the first notices, a thousand at most, were written before a time."""
    row = schema.notice.c
    query = select(row.position, row.created_at).where(row.workspace_id == scope.workspace_id, row.position > 0)
    first = scope.connection.execute(query.order_by(row.position).limit(1000)).all()
    return max((at for at, written in takewhile(lambda one: one.created_at < than, first)), default=None)


def drop(scope: Scope, position: int) -> int:
    """Drop the notices up to a position; return how many."""
    row = schema.notice.c
    gone = delete(schema.notice).where(row.workspace_id == scope.workspace_id, row.position <= position)
    return scope.connection.execute(gone).rowcount
