"""How long things are kept: a time for each kind of thing, none where it stays for good."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

import attrs

from crmcore.errors import InvalidTime, SettingsError
from crmcore.model.time import span

#: What all events are called that have no time of their own.
EVERY = "*"
FOREVER = "forever"
EXAMPLE = "a time such as '400d', or 'forever'"


@attrs.frozen(kw_only=True)
class Retention:
    """Times in microseconds, None for good.

    Attributes: `events` (by name, or by pattern such as "page_*"); `receipts` (what a carrier sent, word for word: what it
    says stays); `contexts` (what was said in each message: that it was sent stays); `quarantine`; `imports` (the records of
    files: their rows stay, and can be taken back no more); `webhooks` (what was posted). How long notices are kept stands
    under [notices].
    """

    events: Mapping[str, int | None] = attrs.field(factory=dict)
    receipts: int | None = None
    contexts: int | None = None
    quarantine: int | None = None
    imports: int | None = None
    webhooks: int | None = None

    def of_event(self, name: str) -> int | None:
        """Return how long events of a name are kept: as the name says, else as the longest pattern does that it fits."""
        fitting = [one for one in self.events if fnmatchcase(name, one)]
        found = name if name in self.events else max(fitting, key=lambda one: (len(one), one), default=None)
        return None if found is None else self.events[found]


KEYS = frozenset(field.name for field in attrs.fields(Retention))


def retention_of(table: Mapping[str, Any], place: str) -> Retention:
    """Return how long things are kept by a table of settings; raise SettingsError naming the key, the place and the fix."""
    for name in sorted(set(table) - KEYS):
        near = difflib.get_close_matches(name, KEYS, 1)
        meant = f"did you mean {near[0]}?" if near else f"known are {', '.join(sorted(KEYS))}"
        raise SettingsError(key=f"retention.{name}", place=place, problem=f"there is no such setting; {meant}")
    spans = {name: _span(value, f"retention.{name}", place) for name, value in table.items() if name != "events"}
    return Retention(events=_events(table.get("events", {}), place), **spans)


def _events(given: Any, place: str) -> dict[str, int | None]:
    by_name = given if isinstance(given, Mapping) else {EVERY: given}
    return {name: _span(value, f"retention.events.{name}", place) for name, value in by_name.items()}


def _span(value: Any, key: str, place: str) -> int | None:
    if value == FOREVER:
        return None
    try:
        found = span(value if isinstance(value, str) else "", key)
    except InvalidTime as error:
        raise SettingsError(key=key, place=place, problem=f"{value!r} is not {EXAMPLE}") from error
    if found <= 0:
        raise SettingsError(key=key, place=place, problem=f"{value!r} keeps nothing; write {EXAMPLE}")
    return found
