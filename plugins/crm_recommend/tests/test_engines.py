"""What every engine promises, asked of each."""

from __future__ import annotations

import math
from array import array

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_recommend.engine import Engine
from crm_recommend.settings import SETTINGS, checked
from crmcore.errors import BadConfig, IncompatibleModel, RecommenderError
from crmcore.hooks.recommender import PURCHASE, RETURN, VIEW, Fit, Interactions, Item, Request

DAY = 86_400_000_000
NOW = 1000 * DAY
ITEMS = [Item(id=10 * number) for number in range(1, 9)]
NAMES = sorted(SETTINGS)


def interactions(rows):
    """Columns of rows (customer, item, kind, days ago, basket)."""
    columns = {name: array("q") for name in ("customer", "item", "kind", "at", "quantity", "value", "basket")}
    for customer, item, kind, days, basket in rows:
        values = (customer, item, kind, NOW - days * DAY, 1_000_000, 100, basket)
        for column, value in zip(columns.values(), values, strict=True):
            column.append(value)
    return Interactions(**columns)


ROWS = [
    (customer, 10 * (1 + (customer * 3 + step) % 8), PURCHASE, 5 + step * 7 + customer % 3, customer * 10 + step // 2)
    for customer in range(1, 31)
    for step in range(6)
]


def engine(name, **changes):
    small = {"factors": 8, "iterations": 5} if name == "als" else {}
    return Engine(name, checked(name, {**small, **changes}))


def fitted(name, rows=ROWS, items=ITEMS, **changes):
    one = engine(name, **changes)
    return one, one.fit(Fit(interactions=interactions(rows), items=items), now=NOW, seed=1)


def ask(name, *requests, rows=ROWS, items=ITEMS, now=NOW):
    one, model = fitted(name, rows, items)
    return one.recommend(model, requests, now=now)


def bought(customer):
    return {item for who, item, *_ in ROWS if who == customer}


@pytest.fixture(params=NAMES)
def name(request):
    return request.param


REQUESTS = st.builds(
    Request,
    customer=st.none() | st.integers(0, 33),
    k=st.integers(0, 12),
    repeat=st.sampled_from(["allow", "exclude", "only"]),
    candidates=st.none() | st.frozensets(st.sampled_from([item.id for item in ITEMS])),
    exclude=st.frozensets(st.sampled_from([item.id for item in ITEMS] + [999]), max_size=3),
)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=40, deadline=None)
@given(st.lists(REQUESTS, min_size=1, max_size=5))
def test_an_answer_keeps_to_the_request(name, requests):
    for request, ranking in zip(requests, ask(name, *requests), strict=True):
        ids = [one.item for one in ranking.items]
        scores = [one.score for one in ranking.items]
        has = bought(request.customer)
        allowed = {item.id for item in ITEMS} if request.candidates is None else set(request.candidates)
        allowed -= request.exclude
        allowed = {"allow": allowed, "exclude": allowed - has, "only": allowed & has}[request.repeat]
        assert set(ids) <= allowed
        assert len(ids) == len(set(ids)) == min(request.k, len(allowed))
        assert ranking.shortfall == request.k - len(ids)
        assert all(map(math.isfinite, scores))
        assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=15, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(name, draw):
    shuffled = ROWS.copy()
    draw.shuffle(shuffled)
    requests = [Request(customer=number, k=8, repeat="allow") for number in (1, 2, 99)]
    assert ask(name, *requests, rows=shuffled) == ask(name, *requests)


def test_a_batch_gives_what_one_by_one_gives(name):
    requests = [Request(customer=number, k=5, repeat="allow") for number in (1, 2, 3, None, 77)]
    assert list(ask(name, *requests)) == [answer for one in requests for answer in ask(name, one)]


def test_what_happens_after_now_is_not_known(name):
    future = [(1, 80, PURCHASE, -3, 999)] * 50
    request = Request(customer=1, k=8, repeat="allow")
    assert ask(name, request, rows=ROWS + future) == ask(name, request)


def test_ties_are_broken_by_the_lower_id():
    [ranking] = ask("popular", Request(customer=None, k=8, repeat="allow"), rows=[])
    assert [one.item for one in ranking.items] == [item.id for item in ITEMS]


def test_somebody_unknown_gets_what_is_popular(name):
    request = Request(customer=12345, k=3, repeat="allow")
    [ranking] = ask(name, request)
    one, model = fitted("popular", half_life=7 if name == "repeat" else 14)
    [popular] = one.recommend(model, [request], now=NOW)
    assert [one.item for one in ranking.items] == [one.item for one in popular.items]


@pytest.mark.parametrize("name", ["also_bought", "als"])
def test_a_fallback_says_that_it_is_one(name):
    [ranking] = ask(name, Request(customer=12345, k=3, repeat="allow"))
    assert (ranking.fallback, {one.source for one in ranking.items}) == ("full", {"popular"})


def test_an_empty_catalogue_has_an_empty_answer(name):
    [ranking] = ask(name, Request(customer=1, k=3, repeat="allow"), rows=[], items=[])
    assert (ranking.items, ranking.shortfall) == ((), 3)


def test_nothing_known_still_answers(name):
    [ranking] = ask(name, Request(customer=1, k=3, repeat="allow"), rows=[])
    assert len(ranking.items) == 3


@pytest.mark.parametrize("name", ["repeat", "als"])
def test_a_live_history_outweighs_the_stored_one(name):
    live = interactions([(1, 80, PURCHASE, 1, 1)] * 5)
    stored, fresh = ask(
        name, Request(customer=1, k=8, repeat="allow"), Request(customer=1, k=8, repeat="only", history=live)
    )
    assert [one.item for one in fresh.items] == [80]
    assert stored.items != fresh.items


def test_one_more_purchase_never_lowers_an_item():
    request = Request(customer=1, k=8, repeat="allow")
    [before] = ask("repeat", request)
    for item in bought(1):
        [after] = ask("repeat", request, rows=[*ROWS, (1, item, PURCHASE, 1, 500)])
        assert rank(after, item) <= rank(before, item)


def test_a_return_lowers_an_item():
    request = Request(customer=1, k=8, repeat="allow")
    item = next(iter(bought(1)))
    [before] = ask("repeat", request)
    [after] = ask("repeat", request, rows=[*ROWS, (1, item, RETURN, 1, 500)])
    assert rank(after, item) >= rank(before, item)


def rank(ranking, item):
    return [one.item for one in ranking.items].index(item)


def test_a_view_is_no_purchase():
    request = Request(customer=1, k=8, repeat="only")
    [before], [after] = ask("repeat", request), ask("repeat", request, rows=[*ROWS, (1, 80, VIEW, 1, -1)])
    assert before == after


def test_confidence_is_orders_with_both_over_orders_with_one():
    rows = [(n, 10, PURCHASE, 5, n) for n in range(1, 6)] + [(n, 20, PURCHASE, 5, n) for n in range(1, 5)]
    [ranking] = ask(
        "also_bought", Request(customer=None, k=1, repeat="allow", basket=(10,), exclude=frozenset({10})), rows=rows
    )
    assert [(one.item, one.score) for one in ranking.items] == [(20, pytest.approx(4 / 5))]


def test_a_pair_below_the_support_is_chance():
    rows = [(n, item, PURCHASE, 5, n) for n in (1, 2) for item in (10, 20)]
    [ranking] = ask("also_bought", Request(customer=None, k=1, repeat="allow", basket=(10,)), rows=rows)
    assert ranking.items[0].source == "popular"


@pytest.mark.parametrize("name", ["popular", "repeat", "also_bought", "als"])
def test_an_explanation_sums_to_the_score(name):
    one, model = fitted(name)
    request = Request(customer=1, k=3, repeat="allow")
    [ranking] = one.recommend(model, [request], now=NOW)
    best = ranking.items[0]
    assert sum(one.explain(model, request, best.item).parts.values()) == pytest.approx(best.score, rel=1e-5)


@pytest.mark.parametrize("name", ["also_bought", "als"])
def test_similar_items_leave_the_item_itself_out(name):
    one, model = fitted(name)
    [ranking] = one.similar_items(model, [10], 3)
    assert 10 not in {each.item for each in ranking.items}
    assert len(ranking.items) == 3


def test_a_model_comes_back_from_arrays(name):
    one, model = fitted(name)
    back = one.load(one.dump(model))
    requests = [Request(customer=number, k=5, repeat="allow") for number in (1, 2, None)]
    assert one.recommend(back, requests, now=NOW) == one.recommend(model, requests, now=NOW)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda stored: stored.pop("manifest"),
        lambda stored: stored.update(manifest="{"),
        lambda stored: stored.update(items=stored["items"].astype(np.float32)),
        lambda stored: stored.update(items=stored["items"][:-1]),
        lambda stored: stored.update(manifest=stored["manifest"].replace('"format": 1', '"format": 2')),
        lambda stored: stored.update(manifest=stored["manifest"].replace('"engine": "', '"engine": "x')),
        lambda stored: stored.update(items=stored["items"].astype(object)),
    ],
)
def test_a_stored_model_that_does_not_fit_is_refused(name, spoil):
    one, model = fitted(name)
    stored = dict(one.dump(model))
    spoil(stored)
    with pytest.raises(IncompatibleModel):
        one.load(stored)


@pytest.mark.parametrize(
    ("name", "given_"),
    [
        ("popular", {"half_life": 0}),
        ("popular", {"half_live": 3}),
        ("als", {"factors": "many"}),
        ("repeat", {"half_life": float("nan")}),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused_naming_it(name, given_):
    with pytest.raises(BadConfig, match=next(iter(given_))):
        checked(name, given_)


def test_more_items_than_allowed_are_refused_before_memory_runs_out():
    with pytest.raises(BadConfig, match="max_items"):
        fitted("also_bought", max_items=3)


def test_what_is_not_offered_is_an_error_not_a_guess():
    one, model = fitted("popular")
    with pytest.raises(RecommenderError, match="similar"):
        one.similar_items(model, [10], 3)
