"""Time that is turned: work is done at each moment at which something is due, and at no other."""

from __future__ import annotations

from collections.abc import Callable

from crmcore.flow.progress import Progress, quiet
from crmcore.model.time import DAY, TurnedClock

#: So often work is done at one moment where each time makes more due at it: a campaign may call itself for ever.
MOST = 100
#: Does what is due at the clock's time; tells whether there was anything.
Work = Callable[[], bool]
#: Returns the earliest moment, at a time or later, at which something is due; None where nothing is.
Following = Callable[[int], int | None]


def turn(clock: TurnedClock, until: int, work: Work, following: Following, progress: Progress = quiet) -> None:
    """Turn the clock to `until` (microseconds UTC), and work now and whenever something is due on the way.

    `progress` is told days.
    """
    began = clock.now()
    at: int | None = began
    while at is not None and at <= until:
        clock.turn_to(at)
        progress((at - began) // DAY, (until - began) // DAY)
        at = _settled(at, work, following)
    clock.turn_to(until)
    progress((until - began) // DAY, (until - began) // DAY)


def _settled(at: int, work: Work, following: Following) -> int | None:
    """Work until nothing more is due at a moment; return the next one."""
    for _ in range(MOST):
        found = following(at if work() else at + 1)
        if found is None or found > at:
            return found
    return following(at + 1)
