"""How long work tells how far it is."""

from __future__ import annotations

from collections.abc import Callable

#: Takes how much is done and how much there is.
Progress = Callable[[int, int], None]


def quiet(_done: int, _total: int) -> None:
    """Progress that nobody looks at."""
