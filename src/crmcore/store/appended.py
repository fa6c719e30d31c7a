"""The events that a transaction has appended: whoever waits for them is looked for at its end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from crmcore.model.event import Event


@attrs.frozen
class Append:
    """An event as it was appended: its id, the customer it is of, and the origin it came in under."""

    event: Event
    id: int
    customer_id: int
    origin_id: int


class Appended:
    """Collects while a transaction writes."""

    def __init__(self) -> None:
        self._taken: list[tuple[Sequence[Event], Sequence[int], Sequence[tuple[int, int]]]] = []

    def note(self, events: Sequence[Event], ids: Sequence[int], owners: Sequence[tuple[int, int]]) -> None:
        """Remember events, their ids and their owners."""
        self._taken.append((events, ids, owners))

    def names(self) -> set[str]:
        """Return what the events are called."""
        return {event.name for events, _, _ in self._taken for event in events}

    def take(self, names: set[str]) -> list[Append]:
        """Return those of these names in the order they came, and begin anew."""
        taken, self._taken = self._taken, []
        return [
            Append(event, event_id, *owner)
            for events, ids, owners in taken
            for event, event_id, owner in zip(events, ids, owners, strict=True)
            if event.name in names
        ]
