"""How good engines are on the past: fitted on what had happened by a day, asked for what came after it."""

from __future__ import annotations

from collections.abc import Mapping

from crmcore.hooks.recommender import Fit, Recommender, Request


def hit_rate(engine: Recommender, past: Fit, bought: Mapping[int, frozenset[int]], *, now: int, k: int = 3) -> float:
    """Return the share of customers who bought at least one of the `k` items that the engine would have shown.

    `bought` is what each customer bought after `now` (microseconds UTC), of whom there has to be one at least.
    """
    model = engine.fit(past, now=now, seed=0)
    asked = [Request(customer=one, k=k, repeat="allow") for one in sorted(bought)]
    rankings = engine.recommend(model, asked, now=now)
    hits = [
        bool(bought[customer] & {one.item for one in ranking.items})
        for customer, ranking in zip(sorted(bought), rankings, strict=True)
    ]
    return sum(hits) / len(hits)
