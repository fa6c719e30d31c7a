"""Whether an address is there: it was registered, or removed, and what was said last counts, whatever order it came in."""

from __future__ import annotations

import attrs


@attrs.frozen(kw_only=True)
class Presence:
    """Whether an address is there, and since when (microseconds UTC)."""

    is_there: bool
    at: int

    def after(self, said: Presence) -> Presence:
        """Return what holds once something more is said; of two of the same time, what is said later."""
        return said if said.at >= self.at else self
