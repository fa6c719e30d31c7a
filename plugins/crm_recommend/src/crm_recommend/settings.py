"""What crm.toml may say under [recommend.<engine>]; times in days."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from crmcore.errors import BadConfig


@attrs.frozen(kw_only=True)
class PopularSettings:
    """`half_life`: after so many days a purchase counts half; older than `window` it does not count."""

    half_life: float = 14.0
    window: float = 365.0


@attrs.frozen(kw_only=True)
class RepeatSettings:
    """`half_life` of a customer's own purchases, `popular_half_life` and `popular_weight` of everybody's."""

    half_life: float = 365.0
    popular_half_life: float = 7.0
    popular_weight: float = 1.0


@attrs.frozen(kw_only=True)
class AlsoBoughtSettings:
    """`support`: a pair bought together less often than this is chance; `max_items` bounds the table of pairs."""

    support: int = 3
    max_items: int = 200_000
    popular_half_life: float = 14.0


@attrs.frozen(kw_only=True)
class AlsSettings:
    """Of implicit's alternating least squares; `half_life` of a customer's own purchases.

    The defaults were picked on cuts of Online Retail that end before the one they are measured on, over samples of 50
    customers to all: a regularization of 10 is a little better on the whole shop, and far worse on one of 500 customers.
    """

    factors: int = 64
    regularization: float = 3.0
    iterations: int = 15
    alpha: float = 2.0
    half_life: float = 90.0
    popular_half_life: float = 14.0


SETTINGS: dict[str, type[Any]] = {
    "popular": PopularSettings,
    "repeat": RepeatSettings,
    "also_bought": AlsoBoughtSettings,
    "als": AlsSettings,
}
WORDS = {int: "whole number", float: "number"}
MOST = 1_000_000_000


def checked(engine: str, given: Mapping[str, Any]) -> Any:
    """Return an engine's settings; raise BadConfig naming the key."""
    kind = SETTINGS[engine]
    types = {field.name: type(field.default) for field in attrs.fields(kind)}
    values: dict[str, Any] = {}
    for key, value in given.items():
        if key not in types:
            raise BadConfig(engine=engine, key=key, problem=f"there is no such setting; known are {', '.join(types)}")
        values[key] = _number(engine, key, value, types[key])
    return kind(**values)


def _number(engine: str, key: str, value: Any, kind: type[Any]) -> Any:
    """Return a number from crm.toml, or from the text of an environment variable."""
    try:
        number = kind(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise BadConfig(engine=engine, key=key, problem=f"{value!r} is no {WORDS[kind]}") from error
    if isinstance(value, bool) or (not isinstance(value, str) and number != value):
        raise BadConfig(engine=engine, key=key, problem=f"{value!r} is no {WORDS[kind]}")
    if not 0 < number <= MOST:
        raise BadConfig(engine=engine, key=key, problem=f"{value!r} is not above 0 and at most {MOST:,}")
    return number
