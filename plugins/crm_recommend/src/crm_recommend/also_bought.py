"""`also_bought`: what is bought together with what a customer has, by confidence, with a minimum support.

Confidence of a -> b = orders with both / orders with a (Agrawal, Imielinski, Swami 1993). Sorting by lift would put
rare chance pairs first.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np
from scipy import sparse

from crm_recommend.fitted import Fitted, holdings, matrix_of, place, still
from crm_recommend.purchases import Floats, Held, Ints, Purchases, positions, purchases
from crm_recommend.ranking import Ranker, Scores
from crm_recommend.settings import AlsoBoughtSettings
from crmcore.errors import BadConfig
from crmcore.hooks.recommender import Fit, Ranking, Reasons, Request

#: What popular items are lowered by, so that they follow every item bought together with another.
LOWERED = -1.0


@attrs.frozen(kw_only=True, eq=False)
class PairModel(Fitted):
    """`confidence` of one item (row) leading to another."""

    confidence: sparse.csr_array = attrs.field(converter=still, validator=matrix_of("items"))


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
        popularity=found.popularity(settings.popular_half_life),
        held=found.held(),
        confidence=_confidence(found, settings.support),
    )


def recommend(model: PairModel, requests: Sequence[Request], now: int) -> list[Ranking]:
    """Return one Ranking per request: the confidences from all that the basket, or else the customer, holds, added up."""
    ranker = Ranker("also_bought", model.items, model.popularity + LOWERED)
    holding = holdings(model, requests, now)
    together = _together(model, [_starts(model, one, held) for one, held in zip(requests, holding, strict=True)])
    return [
        ranker.rank(request, _row(together, row), held)
        for row, (request, held) in enumerate(zip(requests, holding, strict=True))
    ]


def similar_items(model: PairModel, items: Sequence[int], k: int) -> list[Ranking]:
    """Return what is bought together with each item; popular items, marked as such, where nothing is."""
    requests = [Request(customer=None, k=k, repeat="allow", basket=(one,), exclude=frozenset({one})) for one in items]
    return recommend(model, requests, model.as_of)


def explain(model: PairModel, request: Request, item: int) -> Reasons:
    """Return the confidence from each item held, or popularity where none leads to the item.

    Raises RecommenderError for an item that the catalogue has not.
    """
    position = place("also_bought", model, item)
    [held] = holdings(model, [request], model.as_of)
    starts = _starts(model, request, held)
    column: Floats = model.confidence[starts][:, [position]].toarray().ravel()
    if not column.any():
        parts = {"popularity": float(model.popularity[position]), "fallback": LOWERED}
        return Reasons(parts=parts, sentences=("Many customers buy this now.",))
    led = np.flatnonzero(column)
    names = map(str, model.items[starts[led]].tolist())
    return Reasons(parts=dict(zip(names, column[led].tolist(), strict=True)), sentences=("Often bought together.",))


def _starts(model: PairModel, request: Request, held: Held) -> Ints:
    if not request.basket:
        return held.item
    found = positions(request.basket, model.items)
    return np.unique(found[found >= 0])


def _together(model: PairModel, starts: Sequence[Ints]) -> sparse.csr_array:
    """Return requests x items: one sparse product for the batch."""
    indptr = np.concatenate(([0], np.cumsum([len(one) for one in starts], dtype=np.int64)))
    flat = np.concatenate([np.empty(0, dtype=np.int64), *starts])
    rows = sparse.csr_array((np.ones(len(flat)), flat, indptr), shape=(len(starts), len(model.items)))
    return rows @ model.confidence


def _row(matrix: sparse.csr_array, row: int) -> Scores:
    start, end = matrix.indptr[row], matrix.indptr[row + 1]
    return Scores(item=matrix.indices[start:end].astype(np.int64), score=matrix.data[start:end])


def _confidence(found: Purchases, support: int) -> sparse.csr_array:
    kept = (found.weight > 0) & (found.basket >= 0)
    _, order = np.unique(found.basket[kept], return_inverse=True)
    shape = (int(order.max(initial=-1)) + 1, len(found.items))
    orders = sparse.coo_array((np.ones(len(order), dtype=np.int64), (order, found.item[kept])), shape=shape).tocsr()
    orders.sum_duplicates()
    orders.data[:] = 1
    pairs = (orders.T @ orders).tocoo()
    alone = np.bincount(orders.indices, minlength=len(found.items))
    often = (pairs.data >= support) & (pairs.row != pairs.col)
    row, column = pairs.row[often], pairs.col[often]
    confidence = sparse.coo_array((pairs.data[often] / alone[row], (row, column)), shape=pairs.shape).tocsr()
    confidence.sum_duplicates()
    return confidence
