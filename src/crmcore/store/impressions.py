"""Offers shown, and the chance each had of being shown."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from crmcore.store import bulk, schema
from crmcore.store.scope import Scope

_COLUMNS = (
    "id",
    "customer_id",
    "origin_id",
    "offer_id",
    "delivery_id",
    "slot",
    "position",
    "propensity",
    "engine",
    "model",
    "shown_at",
)


@attrs.frozen(kw_only=True)
class Impression:
    """One offer at one place of one message; `propensity` times 10^6, `model` the time the engine was fitted for."""

    customer_id: int
    offer_id: int
    delivery_id: int
    slot: str
    position: int
    propensity: int
    engine: str
    model: str


def log(scope: Scope, impressions: Sequence[Impression]) -> None:
    """Write impressions."""
    rows = [
        (
            new_id,
            one.customer_id,
            one.customer_id,
            one.offer_id,
            one.delivery_id,
            one.slot,
            one.position,
            one.propensity,
            one.engine,
            one.model,
            scope.now,
        )
        for new_id, one in zip(scope.new_ids(len(impressions)), impressions, strict=True)
    ]
    bulk.insert(scope, schema.impression, _COLUMNS, rows)
