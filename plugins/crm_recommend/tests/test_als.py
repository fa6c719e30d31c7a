from __future__ import annotations

import attrs
import numpy as np
import pytest
from implicit.als import AlternatingLeastSquares
from scipy import sparse

from crm_recommend.settings import AlsSettings
from crmcore.hooks.recommender import PURCHASE, Request

#: Two tastes: 10, 20, 30 go together, and so do 60, 70, 80.
TASTES = [
    (customer, item, PURCHASE, 5, customer)
    for customer in range(1, 21)
    for item in ((10, 20, 30) if customer % 2 else (60, 70, 80))
]


def test_a_customer_is_given_what_others_of_that_taste_have(shop):
    rows = [row for row in TASTES if row[:2] != (1, 30)]
    assert shop.ids("als", 1, rows=rows, repeat="exclude", k=1) == [30]


def test_the_defaults_tell_tastes_apart_in_a_small_shop(shop):
    defaults = attrs.asdict(AlsSettings())
    rows = [row for row in TASTES if row[:2] != (1, 30)] + [(99, 80, PURCHASE, 5, 200 + n) for n in range(40)]
    assert shop.ids("als", 1, rows=rows, repeat="exclude", k=1, **defaults) == [30]


def test_items_of_one_taste_are_similar(shop):
    one, model = shop.fitted("als", rows=TASTES)
    [ranking] = one.similar_items(model, [70], 2)
    assert {each.item for each in ranking.items} == {60, 80}


def test_scores_are_those_of_implicits_own_folding_in(shop):
    one, model = shop.fitted("als")
    peer = AlternatingLeastSquares(factors=8, regularization=model.regularization, alpha=model.alpha, num_threads=1)
    peer.item_factors = model.factors.astype(np.float32)
    row = model.held[[0], :]
    folded = peer.recalculate_user(np.array([0]), sparse.csr_matrix(row, dtype=np.float32))
    [ranking] = one.recommend(model, [Request(customer=1, k=8, repeat="allow")], now=shop.now)
    expected = dict(zip(shop.items, (model.factors @ np.ravel(folded)).tolist(), strict=True))
    assert {each.item: each.score for each in ranking.items} == pytest.approx(expected, rel=1e-3, abs=1e-4)


def test_another_seed_is_another_model(shop):
    assert not np.array_equal(shop.fitted("als", seed=1)[1].factors, shop.fitted("als", seed=2)[1].factors)
    assert np.array_equal(shop.fitted("als", seed=1)[1].factors, shop.fitted("als", seed=1)[1].factors)
