"""Offers: what can be recommended, by the host's item key. The latest statement about an item holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Table, delete, select

from crmcore.model.statement import Offer
from crmcore.model.values import to_json
from crmcore.store import bulk, schema
from crmcore.store.scope import Scope

_KNOWN = (
    "title",
    "category",
    "price",
    "currency",
    "margin",
    "stock",
    "available_from",
    "available_until",
    "attributes",
    "at",
    "purpose",
)


def _later(table: Table, key: str) -> str:
    news = ", ".join(f"{column} = excluded.{column}" for column in _KNOWN)
    return f"ON CONFLICT ({key}) DO UPDATE SET {news} WHERE excluded.at >= {table.name}.at"


_LATER = _later(schema.offer, "workspace_id, item")
_LATER_OF_IMPORT = _later(schema.offer_log, "workspace_id, item, import_id")


def save(scope: Scope, offers: Sequence[Offer]) -> None:
    """Write offers; of two statements about one item the later holds, of two at one time the one that came in last."""
    latest: dict[str, Offer] = {}
    for one in offers:
        known = latest.get(one.item)
        if known is None or one.at >= known.at:
            latest[one.item] = one
    rows = [(one.item, *_told(one)) for one in latest.values()]
    logged = [(item, scope.import_id or 0, *told) for item, *told in rows]
    bulk.insert(scope, schema.offer_log, ("item", "import_id", *_KNOWN), logged, _LATER_OF_IMPORT)
    _store(scope, rows)


def take_back(scope: Scope, import_id: int) -> int:
    """Forget what an import said of offers; return of how many the former statement holds again, or none any more."""
    row = schema.offer_log.c
    mine = (row.workspace_id == scope.workspace_id, row.import_id == import_id)
    items = scope.connection.execute(select(row.item).where(*mine).order_by(row.item)).scalars().all()
    scope.connection.execute(delete(schema.offer_log).where(*mine))
    held = bulk.select_in(scope, schema.offer_log, ("item", *_KNOWN), {}, "item", items)
    there = {item: at for item, at in bulk.select_in(scope, schema.offer, ("item", "at"), {}, "item", items)}
    latest: dict[str, Any] = {}
    for one in held:
        latest[one.item] = max(latest.get(one.item, one), one, key=lambda each: each.at)
    bulk.update(scope, schema.offer, _KNOWN, ("item",), [(*one[1:], one.item) for one in latest.values()])
    gone = set(items) - latest.keys() - _shown(scope, items)
    bulk.delete(scope, schema.offer, ("item",), [(item,) for item in sorted(gone)])
    return sum(1 for item in items if item not in latest or latest[item].at != there.get(item))


def _shown(scope: Scope, items: Sequence[str]) -> set[str]:
    """Return the items that customers have been shown: impressions refer to those offers."""
    found = bulk.select_in(scope, schema.offer, ("id", "item"), {}, "item", items)
    item_of = {one: item for one, item in found}
    shown = bulk.select_in(scope, schema.impression, ("offer_id",), {}, "offer_id", sorted(item_of))
    return {item_of[offer_id] for (offer_id,) in shown}


def _told(one: Offer) -> tuple[Any, ...]:
    return (
        one.title,
        one.category,
        one.price,
        one.currency,
        one.margin,
        one.stock,
        one.available_from,
        one.available_until,
        to_json(one.attributes, "offer.attributes"),
        one.at,
        None if one.purpose is None else one.purpose.value,
    )


def _store(scope: Scope, rows: Sequence[tuple[Any, ...]]) -> None:
    ids = scope.new_ids(len(rows))
    bulk.insert(
        scope,
        schema.offer,
        ("id", "item", *_KNOWN),
        [(new_id, *row) for new_id, row in zip(ids, rows, strict=True)],
        _LATER,
    )
