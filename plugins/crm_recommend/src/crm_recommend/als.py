"""`als`: matrix factorisation for implicit feedback, by the library implicit (Hu, Koren, Volinsky 2008)."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np
import numpy.typing as npt
from scipy import sparse

from crm_recommend.popular import had
from crm_recommend.purchases import Floats, Ints, own, purchases
from crm_recommend.ranking import Ranker, Scores, positions
from crm_recommend.settings import AlsSettings
from crmcore.hooks.recommender import Fit, Ranking, Reasons, Request

Factors = npt.NDArray[np.float32]


@attrs.frozen(kw_only=True, eq=False)
class AlsModel:
    """Factors of items; a customer's follow from the history when asked, with `regularization` and `alpha` as fitted."""

    as_of: int
    regularization: float
    alpha: float
    items: Ints
    customers: Ints
    popularity: Floats
    has: sparse.csr_array
    item_factors: Factors


KIND = AlsModel


def fit(data: Fit, settings: AlsSettings, now: int, seed: int) -> AlsModel:
    """Return a model; the same data and seed give the same factors."""
    found = purchases(data, now)
    bought = found.matrix(found.weight)
    item_factors = _factors(bought, settings, seed)
    return AlsModel(
        as_of=now,
        regularization=settings.regularization,
        alpha=settings.alpha,
        items=found.items,
        customers=found.customers,
        popularity=found.popularity(now, settings.popular_half_life),
        has=bought,
        item_factors=item_factors,
    )


def recommend(model: AlsModel, requests: Sequence[Request], now: int) -> list[Ranking]:
    """Return one Ranking per request."""
    ranker = Ranker("als", model.items, model.popularity)
    everything = np.arange(len(model.items))
    histories = had(model.has, model.customers, model.items, requests, now)
    vectors = _vectors(model, requests, now)
    scores = _times(vectors, model.item_factors)
    return [
        ranker.rank(
            request,
            Scores(item=everything, score=scores[row], has=has)
            if vectors[row].any()
            else Scores(item=everything[:0], score=scores[row, :0], has=has),
        )
        for row, (request, has) in enumerate(zip(requests, histories, strict=True))
    ]


def similar_items(model: AlsModel, items: Sequence[int], k: int) -> list[Ranking]:
    """Return the items whose factors point the same way."""
    norms = np.linalg.norm(model.item_factors, axis=1, keepdims=True)
    unit = model.item_factors / np.where(norms > 0, norms, 1)
    everything = np.arange(len(model.items))
    ranker = Ranker("als", model.items, model.popularity)
    found = positions(items, model.items)
    scores = _times(np.where(found[:, None] >= 0, unit[found], 0), unit)
    return [
        ranker.rank(
            Request(customer=None, k=k, repeat="allow", exclude=frozenset({one})),
            Scores(item=everything, score=scores[row], has=everything[:0]),
        )
        for row, one in enumerate(items)
    ]


def explain(model: AlsModel, request: Request, item: int) -> Reasons:
    """Return what each item of the history adds to the score; exact, as the customer's factors are linear in them."""
    position = positions([item], model.items)[0]
    mine, counts = _history(model, request, model.as_of)
    weights = _solved(model, mine, counts, model.item_factors[position])
    parts = {str(model.items[one]): float(part) for one, part in zip(mine, weights, strict=True)}
    return Reasons(parts=parts, sentences=("Like what you have bought.",))


def _factors(bought: sparse.csr_array, settings: AlsSettings, seed: int) -> Factors:
    if not bought.nnz:
        return np.zeros((bought.shape[1], settings.factors), np.float32)
    from implicit.als import AlternatingLeastSquares
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, "blas"):
        model = AlternatingLeastSquares(
            factors=settings.factors,
            regularization=settings.regularization,
            iterations=settings.iterations,
            alpha=settings.alpha,
            random_state=seed,
            num_threads=1,
        )
        model.fit(sparse.csr_matrix(bought, dtype=np.float32), show_progress=False)
    factors: Factors = model.item_factors
    return factors


def _times(vectors: Factors | Floats, factors: Factors | Floats) -> Floats:
    """Return all scores; each row by itself, so that a batch gives what one request gives."""
    return (
        np.stack([factors @ vector for vector in vectors]).astype(np.float64)
        if len(vectors)
        else np.empty((0, len(factors)))
    )


def _vectors(model: AlsModel, requests: Sequence[Request], now: int) -> Floats:
    """Return the factors of each request's customer (Hu et al., equation 4); zeros for somebody unknown."""
    base = _base(model)
    vectors = np.zeros((len(requests), model.item_factors.shape[1]))
    for row, request in enumerate(requests):
        mine, counts = _history(model, request, now)
        if len(mine):
            held, confidence = model.item_factors[mine].astype(np.float64), model.alpha * counts
            vectors[row] = np.linalg.solve(_gram(base, held, confidence), held.T @ confidence)
    return vectors


def _history(model: AlsModel, request: Request, now: int) -> tuple[Ints, Floats]:
    if request.history is not None:
        item, _, weight = own(request.history, model.items, now)
        total: Floats = np.bincount(item, weights=weight, minlength=len(model.items)).astype(np.float64)
        kept: Ints = np.flatnonzero(total > 0).astype(np.int64)
        return kept, total[kept]
    row = positions([-1 if request.customer is None else request.customer], model.customers)[0]
    if row < 0:
        return np.empty(0, dtype=np.int64), np.empty(0)
    start, end = model.has.indptr[row], model.has.indptr[row + 1]
    return model.has.indices[start:end], model.has.data[start:end]


def _solved(model: AlsModel, mine: Ints, counts: Floats, toward: Factors) -> Floats:
    """Return what each item held adds to the customer's score toward a vector: they sum to it."""
    held, confidence = model.item_factors[mine].astype(np.float64), model.alpha * counts
    return confidence * (held @ np.linalg.solve(_gram(_base(model), held, confidence), toward.astype(np.float64)))


def _base(model: AlsModel) -> Floats:
    factors = model.item_factors.astype(np.float64)
    return factors.T @ factors + model.regularization * np.eye(factors.shape[1])


def _gram(base: Floats, held: Floats, confidence: Floats) -> Floats:
    return base + held.T @ (np.maximum(confidence - 1, 0)[:, None] * held)
