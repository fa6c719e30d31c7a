"""`popular`: what everybody buys now."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np

from crm_recommend.fitted import Fitted, holdings, place
from crm_recommend.purchases import purchases
from crm_recommend.ranking import Ranker, Scores
from crm_recommend.settings import PopularSettings
from crmcore.hooks.recommender import Fit, Ranking, Reasons, Request


@attrs.frozen(kw_only=True, eq=False)
class PopularModel(Fitted):
    """Popularity, and who holds what for the repeat rule."""


KIND = PopularModel


def fit(data: Fit, settings: PopularSettings, now: int, _seed: int) -> PopularModel:
    """Return a model."""
    found = purchases(data, now)
    return PopularModel(
        as_of=now,
        items=found.items,
        customers=found.customers,
        popularity=found.popularity(settings.half_life, settings.window),
        held=found.held(),
    )


def recommend(model: PopularModel, requests: Sequence[Request], now: int) -> list[Ranking]:
    """Return one Ranking per request. Time lowers all popularity alike, so the order at `now` is that of the fit."""
    ranker = Ranker("popular", model.items, model.popularity)
    nothing = Scores(item=np.empty(0, dtype=np.int64), score=np.empty(0))
    return [
        ranker.rank(request, nothing, held)
        for request, held in zip(requests, holdings(model, requests, now), strict=True)
    ]


def explain(model: PopularModel, _request: Request, item: int) -> Reasons:
    """Return the popularity; raise RecommenderError for an item that the catalogue has not."""
    score = float(model.popularity[place("popular", model, item)])
    return Reasons(parts={"popularity": score}, sentences=("Many customers buy this now.",))
