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
#: What a message is told of that has come to somebody.
_ARRIVED = frozenset({"delivered", "read"})
#: Why a delivery waits that somebody let go again: what became of it before is known, unless it has arrived after all.
RETRIED = "retried"


@attrs.frozen
class Said:
    """One receipt: its type, when (microseconds UTC), its key, why, and after how many microseconds it may go again."""

    type: str
    at: int
    key: str
    reason: str
    again_after: int | None


@attrs.frozen
class Handed:
    """How often a delivery was handed over, when the last time, and until when it may go (microseconds UTC)."""

    attempt: int
    handed_at: int | None
    expires_at: int | None

    def is_about_this(self, at: int) -> bool:
        """Tell whether what was said at a time is about the latest handing; carriers tell time by the second."""
        return self.attempt <= 1 or self.handed_at is None or at >= self.handed_at - self.handed_at % SECOND

    def again_at(self, at: int, after: int | None) -> int | None:
        """Return when what failed at a time may be sent again, if its carrier says after how many microseconds."""
        if after is None:
            return None
        due_at = at + after
        return due_at if self.expires_at is None or due_at < self.expires_at else None


@attrs.frozen
class Outcome:
    """Where receipts leave a delivery, and why; `due_at` where it is to be sent again."""

    state: State
    reason: str = ""
    due_at: int | None = None


def outcome(said: Iterable[Said], handed: Handed, *, arrivals: bool = False) -> Outcome | None:
    """Return what receipts come to, or `arrivals` alone; None where none of them counts.

    That of the highest rank counts: of equals the earliest, then that of the first key. What failed for now counts less
    than what has failed; of such, that which waits longest counts.
    """
    about = [one for one in said if handed.is_about_this(one.at) and (not arrivals or one.type in _ARRIVED)]
    due = {one.key: handed.again_at(one.at, one.again_after) for one in about if one.type == "failed"}
    final = [one for one in about if due.get(one.key) is None]
    counts = min(final, key=_order, default=None)
    again_at = max((at for at in due.values() if at is not None), default=None)
    if again_at is not None and (counts is None or counts.type == "accepted"):
        return Outcome(State.PLANNED, due_at=again_at)
    return None if counts is None else final_outcome(counts)


def has_failed(said: Iterable[Said]) -> Outcome:
    """Return what failed for now comes to where it can go no more."""
    return final_outcome(min((one for one in said if one.type == "failed"), key=_order))


def final_outcome(one: Said) -> Outcome:
    """Return where a receipt alone leaves a delivery for good."""
    state = RANKED[one.type]
    return Outcome(state, f"{one.type}: {one.reason}" if state is State.FAILED else "")


def _order(one: Said) -> tuple[int, int, str]:
    return -_RANK[one.type], one.at, one.key
