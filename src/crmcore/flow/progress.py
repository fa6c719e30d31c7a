"""What is told to, and asked of, whoever lets work be done: how far it is, whether to stop, whether to wait."""

from __future__ import annotations

from collections.abc import Callable

#: Takes how much is done and how much there is.
Progress = Callable[[int, int], None]
#: Says whether to stop.
Stop = Callable[[], bool]
#: Takes when more may go (microseconds UTC); returns then and says yes, or at once and says no.
Wait = Callable[[int], bool]


def quiet(_done: int, _total: int) -> None:
    """Progress that nobody looks at."""


def never() -> bool:
    """Go on to the end."""
    return False


def leave(_opens_at: int) -> bool:
    """Leave what may not go yet to another time."""
    return False
