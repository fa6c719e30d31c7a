"""How a process sends: how many messages it may have under way at once, and how long its work is its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from crmcore.errors import InputError, SettingsError
from crmcore.model.time import MINUTE, duration

LARGEST_WINDOW = 10_000
KEYS = ("lease", "window")


@attrs.frozen(kw_only=True)
class Sending:
    """Settings of dispatch.

    Attributes: `window` (how many messages of one connection are handed over and not settled at most: as many as a crash
    can leave in doubt); `lease` (microseconds: what a process has taken is left to it for so long, and for longer while
    it goes on with it).
    """

    window: int = 50
    lease: int = 10 * MINUTE


def sending_of(table: Mapping[str, Any], place: str) -> Sending:
    """Return the settings that the table `sending` holds; raise SettingsError."""
    for key in table:
        if key not in KEYS:
            problem = f"there is no such setting; known are {', '.join(KEYS)}"
            raise SettingsError(key=f"sending.{key}", place=place, problem=problem)
    given: dict[str, int] = {}
    if "window" in table:
        given["window"] = _window(table["window"], place)
    if "lease" in table:
        given["lease"] = _lease(table["lease"], place)
    return Sending(**given)


def _window(value: object, place: str) -> int:
    text = str(value)
    if isinstance(value, bool) or not text.isascii() or not text.isdigit() or not 1 <= int(text) <= LARGEST_WINDOW:
        problem = f"{value!r} is no whole number from 1 to {LARGEST_WINDOW:,}"
        raise SettingsError(key="sending.window", place=place, problem=problem)
    return int(text)


def _lease(value: object, place: str) -> int:
    try:
        lease = duration(value if isinstance(value, str) else str(value), "sending.lease")
    except InputError as error:
        raise SettingsError(key="sending.lease", place=place, problem=str(error)) from error
    if lease <= 0:
        raise SettingsError(key="sending.lease", place=place, problem=f"{value!r} is no time that lasts")
    return lease
