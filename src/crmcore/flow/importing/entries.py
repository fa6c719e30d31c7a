"""A cell that holds a JSON object: each entry is an attribute of its own."""

from __future__ import annotations

import json
from typing import Any

from crmcore.errors import InvalidValue
from crmcore.flow.importing.mapping import distinct
from crmcore.flow.importing.reader import Cells, Reader
from crmcore.model.names import slug
from crmcore.model.verbs import ADDRESS_ATTRIBUTES


def of(read: Reader, cells: Cells) -> dict[str, Any]:
    """Return the attributes that a line's JSON object holds, lists and objects in it as JSON; raise InvalidValue.

    None of them is an address: whose addresses they are is not known.
    """
    text = read.text("entries", cells)
    told = _object(read.map.columns.entries, text) if text else {}
    named = distinct({key: slug(key) for key in told}, {*read.map.columns.attributes, *ADDRESS_ATTRIBUTES})
    return {name: told[key] for name, key in named.items()}


def _object(column: str, text: str) -> dict[str, Any]:
    try:
        told = json.loads(text)
        if not isinstance(told, dict):
            raise InvalidValue(place=f"column {column}", problem=f"{text[:100]!r} is no JSON object")
        return {key: _value(value) for key, value in told.items() if value is not None}
    except (ValueError, RecursionError) as error:
        raise InvalidValue(place=f"column {column}", problem=f"it is no JSON ({error})") from error


def _value(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value
