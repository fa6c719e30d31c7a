"""What sources have sent, as the log tells it."""

from __future__ import annotations

from collections.abc import Mapping

import attrs


@attrs.frozen(kw_only=True)
class Sightings:
    """How often something was there, and when it happened first and last (microseconds UTC)."""

    count: int
    first_at: int
    last_at: int

    def __add__(self, other: Sightings) -> Sightings:
        return Sightings(
            count=self.count + other.count,
            first_at=min(self.first_at, other.first_at),
            last_at=max(self.last_at, other.last_at),
        )


@attrs.frozen(kw_only=True)
class SeenField:
    """A property of an event, or an attribute of customers, with the types its values had (null is one)."""

    name: str
    types: Mapping[str, Sightings]


@attrs.frozen(kw_only=True)
class SeenEvent:
    """Events of one name, how many of them filled each column (item, quantity, ...), and their properties."""

    name: str
    seen: Sightings
    columns: Mapping[str, int]
    fields: tuple[SeenField, ...]


@attrs.frozen(kw_only=True)
class SeenSource:
    """What one source has sent; `name` is None for what came in without one, `version` None where it declares nothing."""

    name: str | None
    version: int | None = None
    events: tuple[SeenEvent, ...] = ()
    attributes: tuple[SeenField, ...] = ()
