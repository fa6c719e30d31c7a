from __future__ import annotations

import pytest

from crmcore.errors import BadConfig
from crmcore.hooks.recommender import PURCHASE, Request

#: Five orders with 10, four of them with 20; 30 goes with 20 twice.
ROWS = (
    [(n, 10, PURCHASE, 5, n) for n in range(1, 6)]
    + [(n, 20, PURCHASE, 5, n) for n in range(1, 5)]
    + [(n, 30, PURCHASE, 5, n) for n in (1, 2)]
)


def together(shop, *items, rows=ROWS, **changes):
    request = Request(customer=None, k=8, repeat="allow", basket=items, exclude=frozenset(items))
    [ranking] = shop.ask("also_bought", request, rows=rows, **changes)
    return {one.item: one.score for one in ranking.items if one.source == "also_bought"}


def test_confidence_is_orders_with_both_over_orders_with_the_first(shop):
    assert together(shop, 10) == pytest.approx({20: 4 / 5})
    assert together(shop, 20) == pytest.approx({10: 4 / 4})


def test_a_pair_seen_less_often_than_the_support_is_chance(shop):
    assert 30 not in together(shop, 20)
    assert together(shop, 20, support=2)[30] == pytest.approx(2 / 4)


def test_an_item_twice_in_an_order_is_there_once(shop):
    assert together(shop, 10, rows=[*ROWS, *ROWS]) == together(shop, 10)


def test_the_confidences_of_a_basket_add_up(shop):
    rows = ROWS + [(n, 40, PURCHASE, 5, n) for n in (1, 2, 3)]
    assert together(shop, 10, 20, rows=rows) == pytest.approx({40: 3 / 5 + 3 / 4})


def test_purchases_without_an_order_make_no_pairs(shop):
    assert together(shop, 10, rows=[(who, item, kind, days, -1) for who, item, kind, days, _ in ROWS]) == {}


def test_a_basket_goes_before_the_history(shop):
    request = Request(customer=5, k=1, repeat="allow", basket=(20,))
    [ranking] = shop.ask("also_bought", request, rows=ROWS)
    assert [(one.item, one.score) for one in ranking.items] == [(10, pytest.approx(1.0))]


def test_popular_items_follow_whatever_is_bought_together(shop):
    rows = ROWS + [(n, 80, PURCHASE, 0, 100 + n) for n in range(50)]
    [ranking] = shop.ask("also_bought", Request(customer=None, k=2, repeat="allow", basket=(10,)), rows=rows)
    assert [(one.item, one.source) for one in ranking.items] == [(20, "also_bought"), (80, "popular")]
    assert ranking.fallback == "partial"


def test_an_explanation_names_what_led_there(shop):
    one, model = shop.fitted("also_bought", rows=ROWS)
    request = Request(customer=1, k=3, repeat="allow")
    assert one.explain(model, request, 20).parts == pytest.approx({"10": 4 / 5})
    assert set(one.explain(model, request, 80).parts) == {"popularity", "fallback"}


def test_more_items_than_allowed_are_refused_before_memory_runs_out(shop):
    with pytest.raises(BadConfig, match="max_items"):
        shop.fitted("also_bought", max_items=3)
