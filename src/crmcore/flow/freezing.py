"""A message's context as JSON: what is handed over can be made again, byte for byte, whatever has changed since."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from crmcore.hooks.sandbox import Fields
from crmcore.model.money import Money
from crmcore.model.values import from_plain, to_plain

_AS_THEY_ARE = frozenset({str, bool, type(None)})
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def freeze(context: Mapping[str, Any]) -> str:
    """Return a context as JSON text."""
    return _ENCODER.encode({name: _plain(value) for name, value in context.items()})


def thaw(text: str) -> dict[str, Any]:
    """Return the context that `freeze` was given."""
    return {name: _restored(value) for name, value in json.loads(text).items()}


def _plain(value: Any) -> Any:
    if type(value) in _AS_THEY_ARE:
        return value
    if isinstance(value, Fields):
        return {"$fields": value.name, "of": {name: _plain(one) for name, one in value.items()}}
    if isinstance(value, Money):
        return {"$money": value.minor, "currency": value.currency}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return to_plain(value, "context")


def _restored(plain: Any) -> Any:
    if isinstance(plain, list):
        return [_restored(one) for one in plain]
    if isinstance(plain, dict) and "$fields" in plain:
        return Fields(plain["$fields"], {name: _restored(one) for name, one in plain["of"].items()})
    if isinstance(plain, dict) and "$money" in plain:
        return Money(plain["$money"], plain["currency"])
    return from_plain(plain)
