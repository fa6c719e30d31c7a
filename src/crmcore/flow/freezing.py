"""A message's context as JSON: what is handed over can be made again, byte for byte, whatever has changed since."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from crmcore.hooks.sandbox import Fields
from crmcore.model.money import Money
from crmcore.model.values import from_plain, to_plain

#: What each mapping of a list is called; others are called as they stand in the context.
_ONE_OF = {"offers": "offer"}


def freeze(context: Mapping[str, Any]) -> str:
    """Return a context as JSON text; its fields are named as they stand in it, an offer is called so."""
    return _ENCODER.encode(context)


def thaw(text: str) -> dict[str, Any]:
    """Return the context that `freeze` was given."""
    return {name: _restored(name, value) for name, value in json.loads(text).items()}


def _tagged(value: object) -> Any:
    """Return what JSON has no word for."""
    if isinstance(value, Money):
        return {"$money": value.minor, "currency": value.currency}
    return to_plain(value, "context")


_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=_tagged)


def _restored(name: str, plain: Any) -> Any:
    if isinstance(plain, list):
        return [_restored(_ONE_OF.get(name, name), one) for one in plain]
    if isinstance(plain, dict) and not any(key.startswith("$") for key in plain):
        return Fields(name, {key: _value(one) for key, one in plain.items()})
    return _value(plain)


def _value(plain: Any) -> Any:
    if isinstance(plain, dict) and "$money" in plain:
        return Money(plain["$money"], plain["currency"])
    return from_plain(plain)
