"""The coupon contract: where codes come from that nobody has added to a pool."""

from __future__ import annotations

from typing import Protocol


class CouponSource(Protocol):
    """A generator of codes, by the `name` that steps say; a pool that `crm.add_coupons` fills needs none."""

    name: str
    contract: int

    def codes(self, count: int, seed: int) -> list[str]:
        """Return `count` codes that differ from one another; the same seed gives the same codes. Pure, and quick.

        It is called in the middle of a transaction, whenever more codes are needed than its pool has; `seed` (63 bits) is
        one nobody can guess, and never the same twice. A code the source has had before is left out, and more are asked for.
        """
