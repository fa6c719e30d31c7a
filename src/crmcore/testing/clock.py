"""A clock you can turn."""

from __future__ import annotations

from datetime import datetime, timedelta

from crmcore.model.time import duration, microseconds


class TurnedClock:
    """Stands still until it is turned."""

    def __init__(self, at: datetime | int) -> None:
        self._at = microseconds(at, "clock")

    def now(self) -> int:
        """Return the time in microseconds UTC."""
        return self._at

    def turn(self, by: str | timedelta) -> None:
        """Go forward by a duration such as "90s", "36h" or "14d"."""
        self._at += duration(by, "clock")
