"""The coupon contract: where codes come from."""

from __future__ import annotations

from typing import Protocol


class CouponSource(Protocol):
    """A pool or generator of codes."""

    name: str
    contract: int

    def codes(self, count: int, seed: int) -> list[str]:
        """Return `count` new codes; the same seed gives the same codes."""
