"""`als`: matrix factorisation for implicit feedback (Hu, Koren, Volinsky 2008), fitted by the library implicit.

A customer's factors are worked out when asked, from what the customer holds then: no fit is needed to learn of a purchase.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np
from scipy import sparse

from crm_recommend.fitted import Fitted, above_zero, holdings, per_item, place, still
from crm_recommend.purchases import Floats, Held, positions, purchases
from crm_recommend.ranking import Ranker, Scores
from crm_recommend.settings import AlsSettings
from crmcore.hooks.recommender import Fit, Ranking, Reasons, Request


@attrs.frozen(kw_only=True, eq=False)
class AlsModel(Fitted):
    """`factors` of each item; a customer's follow with `regularization` and `alpha` from what is held, weighed by age."""

    half_life: float = attrs.field(validator=above_zero)
    regularization: float = attrs.field(validator=above_zero)
    alpha: float = attrs.field(validator=above_zero)
    factors: Floats = attrs.field(converter=still, validator=per_item)


KIND = AlsModel


def fit(data: Fit, settings: AlsSettings, now: int, seed: int) -> AlsModel:
    """Return a model; the same data and seed give the same factors."""
    found = purchases(data, now)
    held = found.held(settings.half_life)
    return AlsModel(
        as_of=now,
        half_life=settings.half_life,
        regularization=settings.regularization,
        alpha=settings.alpha,
        items=found.items,
        customers=found.customers,
        popularity=found.popularity(settings.popular_half_life),
        held=held,
        factors=_factors(held, settings, seed),
    )


def recommend(model: AlsModel, requests: Sequence[Request], now: int) -> list[Ranking]:
    """Return one Ranking per request; whoever holds nothing is given what is popular."""
    ranker = Ranker("als", model.items, model.popularity)
    gram = _gram(model)
    return [
        ranker.rank(request, _scores(model.factors, _vector(model, gram, held)), held)
        for request, held in zip(requests, holdings(model, requests, now, model.half_life), strict=True)
    ]


def similar_items(model: AlsModel, items: Sequence[int], k: int) -> list[Ranking]:
    """Return the items whose factors point the same way; popular ones, marked as such, for an item not known."""
    norms = np.linalg.norm(model.factors, axis=1, keepdims=True)
    unit = model.factors / np.where(norms > 0, norms, 1.0)
    ranker = Ranker("als", model.items, model.popularity)
    nothing = Held(item=np.empty(0, dtype=np.int64), weight=np.empty(0))
    return [
        ranker.rank(
            Request(customer=None, k=k, repeat="allow", exclude=frozenset({one})),
            _scores(unit, unit[found] if found >= 0 else np.zeros(unit.shape[1])),
            nothing,
        )
        for one, found in zip(items, positions(items, model.items), strict=True)
    ]


def explain(model: AlsModel, request: Request, item: int) -> Reasons:
    """Return what each item held adds to the score: exact, as a customer's factors are linear in them.

    Raises RecommenderError for an item that the catalogue has not.
    """
    position = place("als", model, item)
    [held] = holdings(model, [request], model.as_of, model.half_life)
    gram = _gram(model)
    if not _vector(model, gram, held).any():
        parts = {"popularity": float(model.popularity[position])}
        return Reasons(parts=parts, sentences=("Many customers buy this now.",))
    mine, confidence = model.factors[held.item], model.alpha * held.weight
    added = confidence * (mine @ np.linalg.solve(_weighed(gram, mine, confidence), model.factors[position]))
    names = map(str, model.items[held.item].tolist())
    return Reasons(parts=dict(zip(names, added.tolist(), strict=True)), sentences=("Like what you have bought.",))


def _factors(held: sparse.csr_array, settings: AlsSettings, seed: int) -> Floats:
    if not held.nnz:
        return np.zeros((held.shape[1], settings.factors))
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
        model.fit(sparse.csr_matrix(held, dtype=np.float32), show_progress=False)
    return np.asarray(model.item_factors, dtype=np.float64)


def _scores(factors: Floats, vector: Floats) -> Scores:
    """Return the scores of all items; of none for a vector without direction.

    One product per request: rounded alike in a batch of any size, which a product of matrices is not.
    """
    if not vector.any():
        return Scores(item=np.empty(0, dtype=np.int64), score=np.empty(0))
    return Scores(item=np.arange(len(factors)), score=factors @ vector)


def _vector(model: AlsModel, gram: Floats, held: Held) -> Floats:
    """Return a customer's factors (Hu et al., equation 4); zeros for whoever holds nothing."""
    mine, confidence = model.factors[held.item], model.alpha * held.weight
    return np.asarray(np.linalg.solve(_weighed(gram, mine, confidence), mine.T @ confidence), dtype=np.float64)


def _gram(model: AlsModel) -> Floats:
    return model.factors.T @ model.factors + model.regularization * np.eye(model.factors.shape[1])


def _weighed(gram: Floats, mine: Floats, confidence: Floats) -> Floats:
    return gram + mine.T @ ((confidence - 1.0)[:, None] * mine)
