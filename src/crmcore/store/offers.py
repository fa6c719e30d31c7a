"""Offers: what can be recommended, by the host's item key."""

from __future__ import annotations

from collections.abc import Sequence

from crmcore.model.statement import Offer
from crmcore.model.values import to_json
from crmcore.store import bulk, schema
from crmcore.store.scope import Scope

_COLUMNS = (
    "id",
    "item",
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
)
_LATER = f"""ON CONFLICT (workspace_id, item) DO UPDATE SET
{", ".join(f"{column} = excluded.{column}" for column in _COLUMNS[2:])} WHERE excluded.at >= crm_offer.at"""


def save(scope: Scope, offers: Sequence[Offer]) -> None:
    """Write offers; of two statements about one item the later holds."""
    ids = scope.new_ids(len(offers))
    rows = [
        (
            new_id,
            one.item,
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
        )
        for new_id, one in zip(ids, offers, strict=True)
    ]
    bulk.insert(scope, schema.offer, _COLUMNS, rows, _LATER)
