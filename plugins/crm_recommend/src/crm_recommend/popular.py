"""`popular`: what everybody buys now."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np
from scipy import sparse

from crm_recommend.purchases import Floats, Ints, own, purchases
from crm_recommend.ranking import Ranker, Scores, positions
from crm_recommend.settings import PopularSettings
from crmcore.hooks.recommender import Fit, Ranking, Reasons, Request


@attrs.frozen(kw_only=True, eq=False)
class PopularModel:
    """Popularity by item, and who has what, for the repeat rule."""

    as_of: int
    items: Ints
    customers: Ints
    popularity: Floats
    has: sparse.csr_array


KIND = PopularModel


def fit(data: Fit, settings: PopularSettings, now: int, _seed: int) -> PopularModel:
    """Return a model."""
    bought = purchases(data, now)
    return PopularModel(
        as_of=now,
        items=bought.items,
        customers=bought.customers,
        popularity=bought.popularity(now, settings.half_life),
        has=bought.matrix(bought.weight),
    )


def recommend(model: PopularModel, requests: Sequence[Request], now: int) -> list[Ranking]:
    """Return one Ranking per request."""
    ranker = Ranker("popular", model.items, model.popularity)
    everything = np.arange(len(model.items))
    histories = had(model.has, model.customers, model.items, requests, now)
    return [
        ranker.rank(request, Scores(item=everything, score=model.popularity, has=has))
        for request, has in zip(requests, histories, strict=True)
    ]


def explain(model: PopularModel, _request: Request, item: int) -> Reasons:
    """Return the popularity."""
    score = float(model.popularity[positions([item], model.items)[0]])
    return Reasons(parts={"popularity": score}, sentences=("Many customers buy this now.",))


def had(matrix: sparse.csr_array, customers: Ints, items: Ints, requests: Sequence[Request], now: int) -> list[Ints]:
    """Return the positions of the items each request's customer has; a live history outweighs the stored one."""
    rows = positions([-1 if one.customer is None else one.customer for one in requests], customers)
    return [
        np.unique(own(request.history, items, now)[0])
        if request.history is not None
        else (matrix.indices[matrix.indptr[row] : matrix.indptr[row + 1]] if row >= 0 else np.empty(0, dtype=np.int64))
        for request, row in zip(requests, rows, strict=True)
    ]
