"""Who is in a segment now."""

from __future__ import annotations

import attrs
from sqlalchemy import func, select

from crmcore.model.condition import Condition
from crmcore.store import schema
from crmcore.store.conditions import Rules, customer_ids, fetched
from crmcore.store.scope import Scope


@attrs.frozen(kw_only=True)
class Member:
    """A customer in a segment; `key` is the host's id, None for an anonymous one."""

    id: int
    key: str | None


def size(scope: Scope, condition: Condition, rules: Rules) -> int:
    """Return for how many customers a condition holds now."""
    found = customer_ids(condition, scope, rules).subquery()
    [(count,)] = fetched(scope, select(func.count()).select_from(found))
    return int(count)


def members(scope: Scope, condition: Condition, rules: Rules, *, limit: int | None, after: int = 0) -> list[Member]:
    """Return customers for whom a condition holds now, by id, those after an id first."""
    query = customer_ids(condition, scope, rules).add_columns(schema.customer.c.key)
    query = query.where(schema.customer.c.id > after).order_by(schema.customer.c.id).limit(limit)
    return [Member(id=one, key=key) for one, key in fetched(scope, query)]
