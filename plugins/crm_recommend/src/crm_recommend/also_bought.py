"""`also_bought`: what is bought together with what a customer has, by confidence, with a minimum support.

Confidence of a -> b = orders with both / orders with a. Sorting by lift would put rare chance pairs first.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np
from scipy import sparse

from crm_recommend.popular import had
from crm_recommend.purchases import Floats, Ints, Purchases, purchases
from crm_recommend.ranking import Ranker, Scores, positions
from crm_recommend.settings import AlsoBoughtSettings
from crmcore.errors import BadConfig
from crmcore.hooks.recommender import Fit, Ranking, Reasons, Request


@attrs.frozen(kw_only=True, eq=False)
class PairModel:
    """`confidence` of one item leading to another; who has what; popularity to fill up with."""

    as_of: int
    items: Ints
    customers: Ints
    popularity: Floats
    has: sparse.csr_array
    confidence: sparse.csr_array


KIND = PairModel


def fit(data: Fit, settings: AlsoBoughtSettings, now: int, _seed: int) -> PairModel:
    """Return a model; raise BadConfig where there are more items than `max_items`."""
    found = purchases(data, now)
    if len(found.items) > settings.max_items:
        problem = f"there are {len(found.items):,} items, more than {settings.max_items:,}"
        raise BadConfig(engine="also_bought", key="max_items", problem=problem)
    return PairModel(
        as_of=now,
        items=found.items,
        customers=found.customers,
        popularity=found.popularity(now, settings.popular_half_life),
        has=found.matrix(found.weight),
        confidence=_confidence(found, settings.support),
    )


def recommend(model: PairModel, requests: Sequence[Request], now: int) -> list[Ranking]:
    """Return one Ranking per request: the confidences from all that the basket, or else the customer, holds, added up."""
    ranker = Ranker("also_bought", model.items, model.popularity)
    histories = had(model.has, model.customers, model.items, requests, now)
    sources = [_basket(model, one, has) for one, has in zip(requests, histories, strict=True)]
    indptr = np.concatenate(([0], np.cumsum([len(one) for one in sources]))).astype(np.int64)
    held = np.concatenate(sources) if sources else np.empty(0, dtype=np.int64)
    shape = (len(sources), len(model.items))
    scores = sparse.csr_array((np.ones(len(held)), held, indptr), shape=shape) @ model.confidence
    return [
        ranker.rank(
            request,
            Scores(
                item=scores.indices[scores.indptr[row] : scores.indptr[row + 1]].astype(np.int64),
                score=scores.data[scores.indptr[row] : scores.indptr[row + 1]],
                has=histories[row],
            ),
        )
        for row, request in enumerate(requests)
    ]


def similar_items(model: PairModel, items: Sequence[int], k: int) -> list[Ranking]:
    """Return what is bought together with each item."""
    requests = [Request(customer=None, k=k, repeat="allow", basket=(one,), exclude=frozenset({one})) for one in items]
    return recommend(model, requests, model.as_of)


def explain(model: PairModel, request: Request, item: int) -> Reasons:
    """Return the confidence from each item held."""
    position = positions([item], model.items)[0]
    [has] = had(model.has, model.customers, model.items, [request], model.as_of)
    held = _basket(model, request, has)
    parts = {str(model.items[one]): float(model.confidence[one, position]) for one in held}
    return Reasons(parts={one: part for one, part in parts.items() if part}, sentences=("Often bought together.",))


def _basket(model: PairModel, request: Request, has: Ints) -> Ints:
    if not request.basket:
        return np.asarray(has, dtype=np.int64)
    found = positions(request.basket, model.items)
    return np.unique(found[found >= 0])


def _confidence(found: Purchases, support: int) -> sparse.csr_array:
    kept = (found.weight > 0) & (found.basket >= 0)
    _, order = np.unique(found.basket[kept], return_inverse=True)
    shape = (int(order.max(initial=-1)) + 1, len(found.items))
    orders = sparse.coo_array((np.ones(len(order), dtype=np.int64), (order, found.item[kept])), shape=shape).tocsr()
    orders.data[:] = 1
    together = (orders.T @ orders).tocsr()
    counts = together.diagonal()
    together.setdiag(0)
    together.data[together.data < support] = 0
    together.eliminate_zeros()
    alone = np.repeat(np.maximum(counts, 1), np.diff(together.indptr))
    confidence = sparse.csr_array((together.data / alone, together.indices, together.indptr), shape=together.shape)
    confidence.sort_indices()
    return confidence
