"""What every engine promises beyond the suite of the contract (test_conformance.py), over shops that Hypothesis draws."""

from __future__ import annotations

import math
from array import array
from collections import Counter

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_recommend.settings import SETTINGS
from crmcore.errors import RecommenderError
from crmcore.hooks.recommender import CART, DISMISS, PURCHASE, RETURN, VIEW, Fit, Item, Recommender, Request

NAMES = sorted(SETTINGS)
FREQUENCY = ["popular", "repeat"]
SIMILAR = ["also_bought", "als"]
ITEMS = tuple(range(10, 90, 10))
CUSTOMERS = st.integers(1, 3)
ASKED = st.sampled_from(ITEMS)
#: Customer, item (999 is not in the catalogue), kind, days ago, basket.
ROW = st.tuples(
    CUSTOMERS,
    st.sampled_from([10, 20, 30, 40, 50, 999]),
    st.sampled_from([PURCHASE, PURCHASE, PURCHASE, RETURN, CART, VIEW, DISMISS]),
    st.integers(0, 900),
    st.integers(-1, 6),
)
#: Few rows, where edges are; and many, where sums and pairs are.
ROWS = st.lists(ROW, max_size=6) | st.lists(ROW, min_size=25, max_size=50)
REQUESTS = st.builds(
    Request,
    customer=st.none() | CUSTOMERS | st.just(77),
    k=st.integers(0, 12),
    repeat=st.sampled_from(["allow", "exclude", "only"]),
    basket=st.just(()) | st.tuples(ASKED | st.just(999)),
    candidates=st.none() | st.frozensets(ASKED | st.just(999)),
    exclude=st.frozensets(ASKED | st.just(999), max_size=3),
)
some = settings(max_examples=40, deadline=None)
every_engine = pytest.mark.parametrize("name", NAMES)


def whole(customer, **given_):
    return Request(customer=customer, k=len(ITEMS), repeat="allow", **given_)


def holds(rows, customer):
    counted = Counter()
    for who, item, kind, *_ in rows:
        counted[item] += (who == customer) * {PURCHASE: 1, RETURN: -1}.get(kind, 0)
    return {item for item, count in counted.items() if count > 0}


def scores(ranking):
    return {one.item: one.score for one in ranking.items}


def ids(ranking):
    return [one.item for one in ranking.items]


@every_engine
@some
@given(rows=ROWS, requests=st.lists(REQUESTS, min_size=1, max_size=5))
def test_an_answer_keeps_to_the_request(shop, name, rows, requests):
    for request, ranking in zip(requests, shop.ask(name, *requests, rows=rows), strict=True):
        has = holds(rows, request.customer)
        allowed = set(ITEMS) - request.exclude
        if request.candidates is not None:
            allowed &= request.candidates
        allowed = {"allow": allowed, "exclude": allowed - has, "only": allowed & has}[request.repeat]
        assert set(ids(ranking)) <= allowed
        assert len(ranking.items) == len(set(ids(ranking))) == min(request.k, len(allowed))
        assert ranking.shortfall == request.k - len(ranking.items)


@every_engine
@some
@given(rows=ROWS, days=st.integers(0, 400), request=REQUESTS)
def test_a_live_history_that_is_the_stored_one_changes_nothing(shop, name, rows, days, request):
    request = attrs.evolve(request, customer=1, k=len(ITEMS))
    mine = attrs.evolve(request, history=shop.interactions([row for row in rows if row[0] == 1]))
    now = shop.now + days * 86_400_000_000
    stored, live = shop.ask(name, request, mine, rows=rows, now=now)
    assert scores(live) == pytest.approx(scores(stored), rel=1e-6, abs=1e-9)
    assert live.fallback == stored.fallback


@pytest.mark.parametrize("name", ["repeat", "also_bought", "als"])
def test_a_new_purchase_changes_the_answer_of_that_customer_alone(shop, name):
    fresh = shop.interactions([row for row in shop.rows if row[0] == 1] + [(1, 30, PURCHASE, 0, 7)] * 3)
    before = shop.ask(name, whole(1), whole(2))
    after = shop.ask(name, whole(1, history=fresh), whole(2))
    assert after[0] != before[0]
    assert after[1] == before[1]


@every_engine
def test_a_live_history_decides_what_repeats(shop, name):
    live = shop.interactions([(1, 80, PURCHASE, 1, 1), (1, 70, PURCHASE, 2, 1), (1, 70, RETURN, 1, 1)])
    only, rest = shop.ask(
        name,
        Request(customer=1, k=8, repeat="only", history=live),
        Request(customer=1, k=8, repeat="exclude", history=live),
    )
    assert ids(only) == [80]
    assert set(ids(rest)) == set(ITEMS) - {80}


@every_engine
@some
@given(rows=ROWS, live=st.none() | ROWS, request=REQUESTS)
def test_an_explanation_sums_to_the_score(shop, name, rows, live, request):
    one, model = shop.fitted(name, rows=rows)
    asked = request if live is None else attrs.evolve(request, history=shop.interactions(live))
    [ranking] = one.recommend(model, [asked], now=shop.now)
    for each in ranking.items:
        reasons = one.explain(model, asked, each.item)
        assert sum(reasons.parts.values()) == pytest.approx(each.score, rel=1e-5, abs=1e-9)
        assert reasons.sentences


@every_engine
def test_an_item_that_is_not_in_the_catalogue_is_not_explained(shop, name):
    one, model = shop.fitted(name)
    with pytest.raises(RecommenderError, match="999"):
        one.explain(model, whole(1), 999)


@pytest.mark.parametrize("name", ["repeat", "also_bought", "als"])
@pytest.mark.parametrize("customer", [None, 12345])
def test_somebody_unknown_gets_what_is_popular_and_is_told_so(shop, name, customer):
    [ranking] = shop.ask(name, Request(customer=customer, k=3, repeat="allow"))
    half_life = {"repeat": 7}.get(name, 14)
    assert ids(ranking) == shop.ids("popular", customer, k=3, half_life=half_life)
    assert (ranking.fallback, {one.source for one in ranking.items}) == ("full", {"popular"})


@every_engine
def test_an_empty_history_is_nobody_known(shop, name):
    known, unknown = shop.ask(name, whole(1, history=shop.interactions([])), whole(None))
    assert known == unknown


def test_popular_items_are_no_fallback_of_the_popular_engine(shop):
    [ranking] = shop.ask("popular", whole(12345))
    assert ranking.fallback == "none"


@every_engine
def test_an_empty_catalogue_has_an_empty_answer(shop, name):
    [ranking] = shop.ask(name, Request(customer=1, k=3, repeat="allow"), items=())
    assert (ranking.items, ranking.shortfall) == ((), 3)


@every_engine
def test_one_item_is_a_catalogue(shop, name):
    assert shop.ids(name, 1, items=(10,)) == [10]


@every_engine
def test_nothing_known_is_answered_by_id(shop, name):
    assert shop.ids(name, 1, rows=[]) == list(ITEMS)


@every_engine
def test_extreme_values_give_finite_scores(shop, name):
    least, most = -(2**63), 2**63 - 1
    columns = attrs.asdict(shop.interactions(shop.rows), recurse=False)
    extreme = {"customer": 1, "item": 10, "kind": PURCHASE, "at": least, "quantity": 0, "value": most, "basket": most}
    rows = {column: values + array("q", [extreme[column]]) for column, values in columns.items()}
    rows["quantity"] = array("q", [least, most] * (len(rows["at"]) // 2) + [-1] * (len(rows["at"]) % 2))
    data = Fit(interactions=type(shop.interactions([]))(**rows), items=[Item(id=item) for item in (*ITEMS, most)])
    one = shop.engine(name)
    model = one.fit(data, now=shop.now, seed=1)
    [ranking] = one.recommend(model, [Request(customer=1, k=9, repeat="allow")], now=most)
    assert set(ids(ranking)) == {*ITEMS, most}
    assert all(math.isfinite(each.score) for each in ranking.items)


@pytest.mark.parametrize("name", SIMILAR)
@some
@given(rows=ROWS, items=st.lists(ASKED | st.just(999), max_size=4), k=st.integers(0, 9))
def test_similar_items_leave_the_item_itself_out(shop, name, rows, items, k):
    one, model = shop.fitted(name, rows=rows)
    for item, ranking in zip(items, one.similar_items(model, items, k), strict=True):
        others = set(ITEMS) - {item}
        assert set(ids(ranking)) <= others
        assert len(ranking.items) == min(k, len(others))
        assert item in ITEMS or ranking.fallback == ("full" if k else "none")


@pytest.mark.parametrize("name", SIMILAR)
def test_an_empty_catalogue_has_nothing_similar(shop, name):
    one, model = shop.fitted(name, items=())
    assert [answer.items for answer in one.similar_items(model, [10], 3)] == [()]


@pytest.mark.parametrize("name", FREQUENCY)
def test_what_is_not_offered_is_an_error_not_a_guess(shop, name):
    one, model = shop.fitted(name)
    with pytest.raises(RecommenderError, match="similar"):
        one.similar_items(model, [10], 3)


@every_engine
def test_no_engine_is_updated_in_place(shop, name):
    one, model = shop.fitted(name)
    with pytest.raises(RecommenderError, match="anew"):
        one.update(model, Fit(interactions=shop.interactions([]), items=[]), now=shop.now)
    assert "incremental" not in one.capabilities


@every_engine
def test_an_engine_has_all_that_the_contract_names(shop, name):
    one = shop.engine(name)
    named = {member for member in vars(Recommender) if not member.startswith("_")}
    assert {member for member in named | set(Recommender.__annotations__) if not hasattr(one, member)} == set()
