"""Lets what came in come in again, at its time and no earlier; what nobody looks out for comes with the next that counts."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from functools import partial

from crmcore.flow.simulating.feeding import feed
from crmcore.store.logs import Item
from crmcore.store.scope import Write

#: So many rows are written in one transaction, all of one moment together.
MOST = 2000
Which = Callable[[Item], bool]


class Feeder:
    """Items in the order in which they came in; `is_loud` tells which have to be looked at when they do."""

    def __init__(self, items: Iterator[Item], write: Write, is_loud: Which) -> None:
        self._items, self._write, self._is_loud = items, write, is_loud
        self._coming: deque[Item] = deque()
        #: So many of those that come next are not loud.
        self._quiet = 0

    def first(self) -> int | None:
        """Return when the next one came in."""
        one = self._peek(0)
        return None if one is None else one.at

    def following(self) -> int | None:
        """Return when the next one that counts came in; where many come that do not, when the last of these did."""
        while (one := self._peek(self._quiet)) is not None:
            if self._is_loud(one) or self._quiet == MOST:
                return one.at
            self._quiet += 1
        return None

    def feed(self, is_mine: Which, turn_to: Callable[[int], None] | None = None) -> bool:
        """Write those that come next as long as they are meant; tell whether there were any.

        `turn_to` is told when the latest of each batch came in, before it is written.
        """
        has_fed = False
        while batch := self._batch(is_mine):
            if turn_to is not None:
                turn_to(batch[-1].at)
            self._write(partial(feed, items=batch))
            has_fed = True
        return has_fed

    def _batch(self, is_mine: Which) -> list[Item]:
        taken: list[Item] = []
        while (one := self._peek(0)) is not None and is_mine(one):
            if len(taken) >= MOST and one.at != taken[-1].at:
                break
            taken.append(self._coming.popleft())
        self._quiet = max(0, self._quiet - len(taken))
        return taken

    def _peek(self, place: int) -> Item | None:
        while len(self._coming) <= place and (one := next(self._items, None)) is not None:
            self._coming.append(one)
        return self._coming[place] if place < len(self._coming) else None
