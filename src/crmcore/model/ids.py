"""Row ids: 63 bits = 41 of milliseconds since 2000-01-01, 10 of node, 12 of sequence; they grow with time."""

from __future__ import annotations

import threading

EPOCH_MS = 946_684_800_000
NODES = 1024
PER_MS = 4096


class LeaseEnded(Exception):
    """The node's lease does not cover the ids asked for."""


class IdSource:
    """Gives out ids of one node inside one leased span of milliseconds; safe for threads."""

    def __init__(self, node: int, first_ms: int, until_ms: int) -> None:
        self.node, self.until_ms = node, until_ms
        self._ms, self._end, self._sequence = first_ms, until_ms, 0
        self._lock = threading.Lock()

    def take(self, count: int, now: int) -> list[int]:
        """Return `count` new ids, growing; `now` in microseconds. Raise LeaseEnded where the span ends first."""
        ids: list[int] = []
        with self._lock:
            self._move_to(now // 1000 - EPOCH_MS)
            while len(ids) < count:
                if self._ms >= self._end:
                    raise LeaseEnded
                ids.extend(self._of_this_ms(count - len(ids)))
        return ids

    def covers(self, moment: int) -> bool:
        """Tell whether ids can still be given at `moment` (microseconds UTC)."""
        return max(self._ms, moment // 1000 - EPOCH_MS) < self._end

    def end(self) -> int:
        """Give no ids beyond this millisecond any more; return the first that nothing was given of."""
        with self._lock:
            self._end = min(self._end, self._ms + 1)
            return self._end

    def _move_to(self, ms: int) -> None:
        if ms > self._ms:
            self._ms, self._sequence = ms, 0

    def _of_this_ms(self, wanted: int) -> range:
        start = self._ms << 22 | self.node << 12 | self._sequence
        taken = min(wanted, PER_MS - self._sequence)
        self._sequence += taken
        if self._sequence == PER_MS:
            self._ms, self._sequence = self._ms + 1, 0
        return range(start, start + taken)


def made_at(row_id: int) -> int:
    """Return when an id was given, in microseconds UTC: to the millisecond, or a little later than it was."""
    return (row_id // (NODES * PER_MS) + EPOCH_MS) * 1000


def first_id(at: int) -> int:
    """Return the least id that could be given at a time (microseconds UTC): rows with lesser ones were made before it."""
    return max(0, at // 1000 - EPOCH_MS) * NODES * PER_MS
