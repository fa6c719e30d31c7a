"""`repeat`: a customer's own purchases, the recent ones more, and what everybody buys now.

The strongest simple engine where customers buy again: personal frequency with recent popularity as its prior, of the
family of GP-TopFreq (Li et al. 2021, arXiv 2109.14233), decayed as in UP-CF (Faggioli et al. 2020) and TIFU-KNN
(Hu et al. 2020).
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from crm_recommend.fitted import Fitted, above_zero, holdings, place
from crm_recommend.purchases import purchases
from crm_recommend.ranking import Ranker, Scores
from crm_recommend.settings import RepeatSettings
from crmcore.hooks.recommender import Fit, Ranking, Reasons, Request


@attrs.frozen(kw_only=True, eq=False)
class RepeatModel(Fitted):
    """What is held is weighed by age at `as_of`; `half_life` in days, `weight` is that of popularity."""

    half_life: float = attrs.field(validator=above_zero)
    weight: float = attrs.field(validator=above_zero)


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
        popularity=found.popularity(settings.popular_half_life),
        held=found.held(settings.half_life),
    )


def recommend(model: RepeatModel, requests: Sequence[Request], now: int) -> list[Ranking]:
    """Return one Ranking per request: own purchases decayed to `now`, plus weighed popularity."""
    popular = model.weight * model.popularity
    ranker = Ranker("repeat", model.items, popular)
    return [
        ranker.rank(request, Scores(item=held.item, score=held.weight + popular[held.item]), held)
        for request, held in zip(requests, holdings(model, requests, now, model.half_life), strict=True)
    ]


def explain(model: RepeatModel, request: Request, item: int) -> Reasons:
    """Return the customer's own part and everybody's; raise RecommenderError for an item the catalogue has not."""
    position = place("repeat", model, item)
    [held] = holdings(model, [request], model.as_of, model.half_life)
    own = float(held.weight[held.item == position].sum())
    popular = float(model.weight * model.popularity[position])
    sentence = "You have bought this before." if position in held.item else "Many customers buy this now."
    return Reasons(parts={"own": own, "popularity": popular}, sentences=(sentence,))
