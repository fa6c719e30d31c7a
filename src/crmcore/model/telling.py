"""How plugins are told what has happened: how long each may take, and how long notices are kept for one that cannot be told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from crmcore.errors import InputError, SettingsError
from crmcore.model.time import DAY, HOUR, SECOND, duration

KEYS = ("budget", "keep")
LONGEST = HOUR


@attrs.frozen(kw_only=True)
class Telling:
    """Settings of notices, in microseconds.

    Attributes: `budget` (a plugin that takes longer over a batch is left alone for a while, and told it again); `keep` (older
    notices are dropped, told or not).
    """

    budget: int = 5 * SECOND
    keep: int = 30 * DAY


def telling_of(table: Mapping[str, Any], place: str) -> Telling:
    """Return the settings that the table `notices` holds; raise SettingsError."""
    for key in table:
        if key not in KEYS:
            problem = f"there is no such setting; known are {', '.join(KEYS)}"
            raise SettingsError(key=f"notices.{key}", place=place, problem=problem)
    told = Telling(**{key: _lasting(key, value, place) for key, value in table.items()})
    if told.budget > LONGEST:
        raise SettingsError(key="notices.budget", place=place, problem="an hour is the most")
    return told


def _lasting(key: str, value: object, place: str) -> int:
    try:
        given = duration(value if isinstance(value, str) else str(value), f"notices.{key}")
    except InputError as error:
        raise SettingsError(key=f"notices.{key}", place=place, problem=str(error)) from error
    if given <= 0:
        raise SettingsError(key=f"notices.{key}", place=place, problem=f"{value!r} is no time that lasts")
    return given


#: So many failures in a row open the circuit of a plugin; not answering in time is as many at once.
PATIENCE = 3
FIRST_PAUSE = 10 * SECOND


def failed(failures: int, *, overdue: bool) -> int:
    """Return how many failures in a row a plugin has had, after one more."""
    return max(failures + 1, PATIENCE) if overdue else failures + 1


def pause(failures: int) -> int | None:
    """Return how long a plugin is left alone (microseconds): twice as long after each failure, an hour at most. None: not yet."""
    beyond = failures - PATIENCE
    return None if beyond < 0 else min(HOUR, FIRST_PAUSE << min(beyond, 16))
