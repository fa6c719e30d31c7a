"""What a message costs on each channel, as the settings say: the core's own part of the channels' tables."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from crmcore.errors import SettingsError

PRICE = "price"


def prices_of(channels: Mapping[str, Any], place: str) -> dict[str, Decimal]:
    """Return the price of a message by channel, of those that have one; raise SettingsError for what is no amount."""
    return {
        name: _price(table[PRICE], name, place)
        for name, table in channels.items()
        if isinstance(table, Mapping) and PRICE in table
    }


def without_prices(channels: Mapping[str, Any]) -> dict[str, Any]:
    """Return the channels' tables as their plugins are given them."""
    return {
        name: {key: value for key, value in table.items() if key != PRICE} if isinstance(table, Mapping) else table
        for name, table in channels.items()
    }


def _price(given: Any, channel: str, place: str) -> Decimal:
    """A float is what its digits say: 0.05 is five hundredths."""
    try:
        price = Decimal(str(given))
    except InvalidOperation:
        price = Decimal("NaN")
    if isinstance(given, bool) or not price.is_finite() or price < 0:
        problem = f'{given!r} is no price of a message; write it as "0.05", all in one currency'
        raise SettingsError(key=f"channels.{channel}.{PRICE}", place=place, problem=problem)
    return price
