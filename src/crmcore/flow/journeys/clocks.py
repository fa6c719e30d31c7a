"""The clocks of customers: of each the one of its time zone."""

from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from crmcore.model.zones import zone_named
from crmcore.store import contexts
from crmcore.store.scope import Scope

#: The attribute that says in which zone a customer lives.
TIME_ZONE = "time_zone"


def zones_of(scope: Scope, customers: Sequence[int], usual: str) -> dict[int, ZoneInfo]:
    """Return the time zone of each customer; the usual one where it has said none."""
    said = contexts.texts(scope, customers, TIME_ZONE)
    otherwise = zone_named(usual) or ZoneInfo("UTC")
    return {one: zone_named(said.get(one, "")) or otherwise for one in customers}
