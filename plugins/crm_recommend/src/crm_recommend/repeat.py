"""`repeat`: a customer's own purchases, the recent ones more, and what everybody buys now.

The strongest simple engine where customers buy again; the family is GP-TopFreq's with decay (UP-CF, TIFU-KNN papers).
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np
from scipy import sparse

from crm_recommend.purchases import DAY, Floats, Ints, own, purchases
from crm_recommend.ranking import Ranker, Scores, positions
from crm_recommend.settings import RepeatSettings
from crmcore.hooks.recommender import Fit, Ranking, Reasons, Request


@attrs.frozen(kw_only=True, eq=False)
class RepeatModel:
    """Decayed purchases of each customer as of `as_of`, and popularity; `half_life` in days."""

    as_of: int
    half_life: float
    weight: float
    items: Ints
    customers: Ints
    popularity: Floats
    bought: sparse.csr_array


KIND = RepeatModel


def fit(data: Fit, settings: RepeatSettings, now: int, _seed: int) -> RepeatModel:
    """Return a model."""
    found = purchases(data, now)
    return RepeatModel(
        as_of=now,
        half_life=settings.half_life,
        weight=settings.popular_weight,
        items=found.items,
        customers=found.customers,
        popularity=found.popularity(now, settings.popular_half_life),
        bought=found.matrix(found.aged(now, settings.half_life)),
    )


def recommend(model: RepeatModel, requests: Sequence[Request], now: int) -> list[Ranking]:
    """Return one Ranking per request: own purchases decayed to `now`, plus weighed popularity."""
    ranker = Ranker("repeat", model.items, model.popularity)
    popular = model.weight * model.popularity
    everything = np.arange(len(model.items))
    rankings = []
    for request, (item, weight) in zip(requests, _own(model, requests, now), strict=True):
        score = popular.copy()
        score[item] += weight
        rankings.append(ranker.rank(request, Scores(item=everything, score=score, has=item)))
    return rankings


def explain(model: RepeatModel, request: Request, item: int) -> Reasons:
    """Return the customer's own part and everybody's."""
    position = positions([item], model.items)[0]
    [(mine, weight)] = _own(model, [request], model.as_of)
    own_part = float(weight[mine == position].sum())
    popular = float(model.weight * model.popularity[position])
    sentences = ("You have bought this before.",) if own_part else ("Many customers buy this now.",)
    return Reasons(parts={"own": own_part, "popularity": popular}, sentences=sentences)


def _own(model: RepeatModel, requests: Sequence[Request], now: int) -> list[tuple[Ints, Floats]]:
    """Return each customer's items and their weights at `now`."""
    rows = positions([-1 if one.customer is None else one.customer for one in requests], model.customers)
    older = np.exp2(-(now - model.as_of) / (model.half_life * DAY))
    return [
        _stored(model, int(row), older) if request.history is None else _live(model, request, now)
        for request, row in zip(requests, rows, strict=True)
    ]


def _stored(model: RepeatModel, row: int, older: float) -> tuple[Ints, Floats]:
    if row < 0:
        return np.empty(0, dtype=np.int64), np.empty(0)
    start, end = model.bought.indptr[row], model.bought.indptr[row + 1]
    return model.bought.indices[start:end], model.bought.data[start:end] * older


def _live(model: RepeatModel, request: Request, now: int) -> tuple[Ints, Floats]:
    assert request.history is not None
    item, at, weight = own(request.history, model.items, now)
    aged = weight * np.exp2(-(now - at) / (model.half_life * DAY))
    total: Floats = np.bincount(item, weights=aged, minlength=len(model.items)).astype(np.float64)
    kept: Ints = np.flatnonzero(total > 0).astype(np.int64)
    return kept, total[kept]
