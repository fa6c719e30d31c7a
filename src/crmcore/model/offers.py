"""Recommendations that a message asks for."""

from __future__ import annotations

from typing import Literal

import attrs


@attrs.frozen(kw_only=True)
class Offers:
    """Recommendations for a message: `k` items of an engine for a slot; `repeat` as in hooks.recommender.Request."""

    engine: str
    k: int
    repeat: Literal["allow", "exclude", "only"]
    slot: str = "message"
