"""What segments are, and who is in one now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
from sqlalchemy import Select, case, func, select

from crmcore.flow.blaming import blamed
from crmcore.flow.upkeep.planning import is_live
from crmcore.model.condition import Condition
from crmcore.rules.leaf import Ids
from crmcore.rules.plugin import Plugins
from crmcore.rules.tree import customer_ids, fetched
from crmcore.store import bulk, schema, segments, standings
from crmcore.store.scope import Scope
from crmcore.store.segments import Definition


@attrs.frozen(kw_only=True)
class Member:
    """A customer in a segment; `key` is the host's id, None for an anonymous one."""

    id: int
    key: str | None


def size(scope: Scope, definition: Definition, plugins: Plugins) -> int:
    """Return how many customers are in a segment now."""
    ids = _ids(scope, definition, plugins).subquery()
    [(count,)] = fetched(scope, select(func.count()).select_from(ids))
    return int(count)


def members(
    scope: Scope, definition: Definition, plugins: Plugins, *, limit: int | None, after: int = 0
) -> list[Member]:
    """Return the customers in a segment now, by id, those after an id first."""
    if not _is_recorded(scope, definition, plugins):
        return found(scope, definition.condition, plugins, limit=limit, after=after)
    row, customer = schema.membership.c, schema.customer.c
    query = (
        select(customer.id, customer.key)
        .join_from(schema.membership, schema.customer, customer.id == row.customer_id)
        .where(bulk.mine_by_id(scope, schema.customer))
        .where(row.workspace_id == scope.workspace_id, row.segment_id == definition.id, row.customer_id > after)
    )
    return _members(scope, query.order_by(row.customer_id).limit(limit))


def found(scope: Scope, condition: Condition, plugins: Plugins, *, limit: int | None, after: int = 0) -> list[Member]:
    """Return the customers for whom a condition holds now: everybody is looked at."""
    customer = schema.customer.c
    query = customer_ids(condition, scope, plugins).add_columns(customer.key).where(customer.id > after)
    return _members(scope, query.order_by(customer.id).limit(limit))


def _is_recorded(scope: Scope, definition: Definition, plugins: Plugins) -> bool:
    """Tell whether everybody has been looked at for a segment: who is in it is what is recorded."""
    filling = standings.filling(scope)
    is_filled = filling is not None and filling.filled == filling.generation
    return is_filled and segments.find(scope, definition.name) == definition and is_live(scope, definition, plugins)


def _ids(scope: Scope, definition: Definition, plugins: Plugins) -> Ids:
    if not _is_recorded(scope, definition, plugins):
        return customer_ids(definition.condition, scope, plugins)
    row, customer = schema.membership.c, schema.customer.c
    inside = select(row.customer_id).where(row.workspace_id == scope.workspace_id, row.segment_id == definition.id)
    return select(customer.id).where(customer.workspace_id == scope.workspace_id, customer.id.in_(inside))


def _members(scope: Scope, query: Select[Any]) -> list[Member]:
    return [Member(id=one, key=key) for one, key in fetched(scope, query)]


@attrs.frozen(kw_only=True)
class Overlap:
    """Segments by name, and how many customers each two of them share: `sizes[i][j]`, `sizes[i][i]` the size of one."""

    names: tuple[str, ...]
    sizes: tuple[tuple[int, ...], ...]


def overlap(scope: Scope, definitions: Sequence[Definition], plugins: Plugins) -> Overlap:
    """Return how many customers each two of some segments share: customers are counted by what they are in."""
    inside = [
        case((schema.customer.c.id.in_(_blamed_ids(scope, one, plugins)), 1), else_=0).label(f"in_{place}")
        for place, one in enumerate(definitions)
    ]
    each = select(*inside).where(schema.customer.c.workspace_id == scope.workspace_id).subquery()
    rows = fetched(scope, select(*each.c, func.count()).group_by(*each.c)) if inside else []
    places = range(len(inside))
    return Overlap(
        names=tuple(one.name for one in definitions),
        sizes=tuple(tuple(_shared(rows, i, j) for j in places) for i in places),
    )


def _blamed_ids(scope: Scope, definition: Definition, plugins: Plugins) -> Ids:
    with blamed(definition.name):
        return _ids(scope, definition, plugins)


def _shared(rows: Sequence[Sequence[int]], one: int, other: int) -> int:
    return sum(row[-1] for row in rows if row[one] and row[other])
