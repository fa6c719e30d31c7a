"""The version of each contract; a plugin states the one it was written for, the loader compares."""

from __future__ import annotations

from typing import Final

CONTRACTS: Final = {
    "channel": 1,
    "provider": 1,
    "recommender": 1,
    "rule": 1,
    "step": 1,
    "gate": 1,
    "coupon_source": 1,
    "module": 1,
}
