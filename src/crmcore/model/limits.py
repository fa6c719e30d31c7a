"""The limits of the settings: how many messages may go by workspace, channel, sender, destination and recipient."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from math import isfinite
from typing import Any

import attrs

from crmcore.errors import InputError, InvalidValue, SettingsError
from crmcore.model.limiting import Limit
from crmcore.model.time import SECOND, duration

#: What a limit on every destination that has none of its own is called.
EVERY = "*"
EXAMPLE = "{ count = 10, per = 1 }"


@attrs.frozen(kw_only=True)
class Limits:
    """Limits from wide to narrow; channels by name, senders by "channel/provider", destinations by domain."""

    workspace: Limit | None = None
    channel: Mapping[str, Limit] = attrs.field(factory=dict)
    sender: Mapping[str, Limit] = attrs.field(factory=dict)
    destination: Mapping[str, Limit] = attrs.field(factory=dict)
    recipient: Limit | None = None


KEYS = frozenset(field.name for field in attrs.fields(Limits))
PARTS = frozenset(field.name for field in attrs.fields(Limit))


def limits_of(table: Mapping[str, Any], place: str) -> Limits:
    """Return the limits of a table of settings; raise SettingsError naming the key, the place and the fix."""
    _all_known(table, KEYS, "limits", place)

    def one(name: str) -> Limit | None:
        return _limit(table[name], f"limits.{name}", place) if name in table else None

    def each(name: str) -> dict[str, Limit]:
        return _named(table[name], f"limits.{name}", place) if name in table else {}

    return Limits(
        workspace=one("workspace"),
        channel=each("channel"),
        sender=each("sender"),
        destination=each("destination"),
        recipient=one("recipient"),
    )


def _named(table: Any, key: str, place: str) -> dict[str, Limit]:
    if not isinstance(table, Mapping) or set(table) & PARTS:
        raise SettingsError(key=key, place=place, problem=f'each has its name, as in {key}."name" = {EXAMPLE}')
    return {name.lower(): _limit(value, f"{key}.{name}", place) for name, value in table.items()}


def _limit(table: Any, key: str, place: str) -> Limit:
    if not isinstance(table, Mapping) or not {"count", "per"} <= set(table):
        raise SettingsError(key=key, place=place, problem=f"a limit has a count and a time, as in {EXAMPLE}")
    _all_known(table, PARTS, key, place)
    try:
        count, burst = _whole(table["count"]), _whole(table.get("burst", table["count"]))
        return Limit(count=count, per=_microseconds(table["per"]), burst=burst)
    except InputError as error:
        raise SettingsError(key=key, place=place, problem=error.fields["problem"]) from error


def _all_known(names: Collection[str], known: frozenset[str], key: str, place: str) -> None:
    for name in sorted(set(names) - known):
        near = difflib.get_close_matches(name, known, 1)
        meant = f"did you mean {near[0]}?" if near else f"known are {', '.join(sorted(known))}"
        raise SettingsError(key=f"{key}.{name}", place=place, problem=f"there is no such setting; {meant}")


def _whole(value: Any) -> int:
    """Return a number; from the environment it comes as text."""
    if (type(value) is int or (isinstance(value, str) and value.isdecimal())) and int(value) > 0:
        return int(value)
    raise InvalidValue(place="limit", problem=f"{value!r} is no whole number above 0")


def _microseconds(value: Any) -> int:
    """Return a time given in seconds, or as a duration such as "1m"."""
    if isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value):
        return round(value * SECOND)
    return duration(f"{value}s" if isinstance(value, str) and value.isdecimal() else f"{value}", "per")
