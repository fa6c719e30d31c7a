from __future__ import annotations

import attrs
import pytest

from crmcore.hooks.recommender import PURCHASE, RETURN, VIEW, Request

DAY = 86_400_000_000


def scores(shop, rows, now=None, **changes):
    request = Request(customer=1, k=8, repeat="allow")
    [ranking] = shop.ask("repeat", request, rows=rows, now=shop.now if now is None else now, **changes)
    return {one.item: one.score for one in ranking.items}


def test_a_score_is_own_decayed_purchases_plus_weighed_popularity(shop):
    rows = [(1, 10, PURCHASE, 0, 1), (1, 10, PURCHASE, 100, 2), (2, 20, PURCHASE, 0, 3)]
    found = scores(shop, rows, half_life=100, popular_half_life=7, popular_weight=0.5)
    everybody = 1 + 2 ** (-100 / 7)
    assert found[10] == pytest.approx(1 + 1 / 2 + 0.5)
    assert found[20] == pytest.approx(0.5 / everybody)


def test_own_purchases_fade_while_the_model_stands(shop):
    rows = [(1, 10, PURCHASE, 0, 1), (2, 20, PURCHASE, 0, 2)]
    found = scores(shop, rows, now=shop.now + 365 * DAY)
    assert found[10] == pytest.approx(1 / 2 + 1)
    assert found[20] == pytest.approx(1)


def test_an_old_habit_lets_a_new_one_past(shop):
    rows = [(1, 10, PURCHASE, 700, 1), (1, 10, PURCHASE, 710, 2), (1, 20, PURCHASE, 3, 3)]
    assert scores(shop, rows)[20] > scores(shop, rows)[10]


def test_what_was_bought_oftener_than_returned_is_still_held(shop):
    rows = [(1, 10, PURCHASE, 900, 1), (1, 10, PURCHASE, 900, 2), (1, 10, RETURN, 1, 2)]
    stored = Request(customer=1, k=8, repeat="only")
    live = attrs.evolve(stored, history=shop.interactions(rows))
    for ranking in shop.ask("repeat", stored, live, rows=rows):
        assert [(one.item, one.score) for one in ranking.items] == [(10, 0.0)]


def test_a_purchase_faded_to_nothing_is_still_a_purchase(shop):
    rows = [(1, 10, PURCHASE, 900, 1)]
    assert shop.ids("repeat", 1, rows=rows, repeat="only", half_life=0.01) == [10]
    assert 10 not in shop.ids("repeat", 1, rows=rows, repeat="exclude", half_life=0.01)


def test_a_view_is_no_purchase(shop):
    rows = [*shop.rows, (1, 80, VIEW, 1, -1)]
    assert shop.ids("repeat", 1, repeat="only", rows=rows) == shop.ids("repeat", 1, repeat="only")


def test_what_is_not_the_customers_own_says_so(shop):
    rows = [(1, 10, PURCHASE, 5, 1), (2, 20, PURCHASE, 1, 2)]
    [ranking] = shop.ask("repeat", Request(customer=1, k=2, repeat="allow"), rows=rows)
    assert [(one.item, one.source) for one in ranking.items] == [(10, "repeat"), (20, "popular")]
    assert ranking.fallback == "partial"


def test_an_explanation_tells_own_from_everybodys(shop):
    one, model = shop.fitted("repeat", rows=[(1, 10, PURCHASE, 0, 1), (2, 20, PURCHASE, 0, 2)])
    request = Request(customer=1, k=2, repeat="allow")
    assert one.explain(model, request, 10).parts == pytest.approx({"own": 1, "popularity": 1})
    assert one.explain(model, request, 20).parts == pytest.approx({"own": 0, "popularity": 1})
