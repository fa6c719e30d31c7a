"""What the receipts of a delivery come to: of the set of them alone, in whatever order and however often they came."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from crmcore.model.delivery import State
from crmcore.model.time import SECOND

#: The types of receipts that say where a delivery stands: of several, the last of these counts. A bounce undoes a
#: delivery, a failure that is told late does not, and what was read has arrived.
RANKED = {
    "accepted": State.ACCEPTED,
    "failed": State.FAILED,
    "delivered": State.DELIVERED,
    "bounced": State.FAILED,
    "read": State.READ,
}
_RANK = {kind: rank for rank, kind in enumerate(RANKED)}


@attrs.frozen(order=False)
class Said:
    """One receipt: its type, when (microseconds UTC), its key, and why."""

    type: str
    at: int
    key: str
    reason: str


@attrs.frozen
class Handed:
    """How often a delivery was handed over, when the last time, and until when it may go (microseconds UTC)."""

    attempt: int
    handed_at: int | None
    expires_at: int | None

    def is_about_this(self, at: int) -> bool:
        """Tell whether what was said at a time is about the latest handing; carriers tell time by the second."""
        return self.attempt <= 1 or self.handed_at is None or at >= self.handed_at - self.handed_at % SECOND

    def again_at(self, at: int, after: float | None) -> int | None:
        """Return when what failed at a time may be sent again, if its carrier says after how many seconds."""
        if after is None:
            return None
        due_at = at + round(after * SECOND)
        return due_at if self.expires_at is None or due_at < self.expires_at else None


def foremost(said: Iterable[Said]) -> Said | None:
    """Return the receipt that counts: of the highest rank, of equals the earliest, then that of the first key."""
    return min(said, key=_order, default=None)


def _order(one: Said) -> tuple[int, int, str]:
    return -_RANK[one.type], one.at, one.key


def state_and_reason(one: Said) -> tuple[State, str]:
    """Return where a receipt leaves a delivery, and why."""
    state = RANKED[one.type]
    return state, f"{one.type}: {one.reason}" if state is State.FAILED else ""
