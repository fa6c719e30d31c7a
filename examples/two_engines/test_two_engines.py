"""Two engines in one campaign and one report, and on the past."""

from array import array

import favourites
import pytest
from accuracy import hit_rate
from campaign import TEMPLATES, picks

import crm_recommend
from crm_recommend.engine import Engine
from crmcore.hooks.recommender import PURCHASE, Fit, Interactions, Item

CUSTOMERS = [f"c{number}" for number in range(120)]
DAY = 86_400_000_000


@pytest.fixture
def shop(crm):
    """Everybody has an item of their own that they buy weekly; all buy bread once."""
    crm.identify_many({"customer": one, "attributes": {"email": f"{one}@example.com"}} for one in CUSTOMERS)
    crm.consent_many({"customer": one, "purpose": "cross_sell", "channel": "email"} for one in CUSTOMERS)
    for name, parts in TEMPLATES.items():
        crm.save_template(name, "email", parts)
    for week in range(3):
        crm.track_many(order(one, f"tea_{one}") for one in CUSTOMERS)
        if week == 0:
            crm.track_many(order(one, "bread") for one in CUSTOMERS)
        crm.turn("7d")
    return crm


def order(customer, item):
    return {"name": "item_ordered", "customer": customer, "item": item, "quantity": 1, "amount": 300, "currency": "EUR"}


both = pytest.mark.crm(plugins={"crm_recommend": crm_recommend, "favourites": favourites})


@both
def test_each_arm_shows_the_offers_of_its_engine(shop):
    shop.launch(picks("popular", "favourites"))
    shop.turn("1h")
    first = {one.customer: one.parts["text"].split()[0] for one in shop.sent}
    assert {one.step for one in shop.sent} == {"by_first", "by_second"}
    for one in shop.sent:
        own = f"tea_{one.customer}"
        assert (first[one.customer] == own) is (one.step == "by_second")


@both
def test_one_report_compares_them(shop):
    shop.launch(picks("popular", "favourites"))
    shop.turn("1h")
    sent = {one.customer: one for one in shop.sent}
    shop.track_many(order(key, f"tea_{key}") for key, one in sent.items() if one.step == "by_second")
    shop.turn("15d")
    arms = {one.arm: one for one in shop.report("picks").journey.arms}
    assert set(arms) == {"popular", "favourites"}
    assert arms["favourites"].lift.low > 0


def test_on_the_past_the_engine_that_knows_the_customer_wins():
    rows = [(who, 100 + who, day * DAY) for who in range(50) for day in range(3)] + [(who, 1, DAY) for who in range(50)]
    columns = [array("q", column) for column in zip(*rows, strict=True)]
    ones = array("q", [1_000_000] * len(rows))
    past = Fit(
        interactions=Interactions(
            customer=columns[0],
            item=columns[1],
            kind=array("q", [PURCHASE] * len(rows)),
            at=columns[2],
            quantity=ones,
            value=ones,
            basket=array("q", range(len(rows))),
        ),
        items=[Item(id=1), *(Item(id=100 + who) for who in range(50))],
    )
    bought = {who: frozenset({100 + who}) for who in range(50)}
    popular = hit_rate(Engine("popular", crm_recommend.checked("popular", {})), past, bought, now=4 * DAY)
    assert hit_rate(favourites.Favourites(), past, bought, now=4 * DAY) == 1.0 > popular
