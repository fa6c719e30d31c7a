"""Carts that were left, and those that were not."""

import pytest
from cart import CART, TEMPLATES


@pytest.fixture
def crm(shop):
    crm = shop(TEMPLATES, "ada")
    crm.launch(CART)
    return crm


def update(crm, cart, items):
    crm.track("cart_updated", "ada", ref=cart, properties={"items": items})


def reminded(crm):
    return [(one.step, one.key) for one in crm.sent]


def test_a_cart_that_is_left_is_reminded_of_after_an_hour_and_a_day(crm):
    update(crm, "c1", 2)
    crm.turn("59m")
    assert reminded(crm) == []
    crm.turn("2d")
    assert reminded(crm) == [("reminder", "c1"), ("last_call", "c1")]


def test_the_hour_begins_anew_with_each_change(crm):
    update(crm, "c1", 1)
    crm.turn("50m")
    update(crm, "c1", 2)
    crm.turn("50m")
    assert reminded(crm) == []
    crm.turn("10m")
    assert reminded(crm) == [("reminder", "c1")]


def test_each_cart_has_a_way_of_its_own(crm):
    update(crm, "c1", 1)
    update(crm, "c2", 3)
    crm.track("order_placed", "ada", properties={"cart": "c1"})
    crm.turn("2d")
    assert reminded(crm) == [("reminder", "c2"), ("last_call", "c2")]


def test_a_cart_that_is_empty_by_then_is_forgotten(crm):
    update(crm, "c1", 1)
    crm.turn("30m")
    update(crm, "c1", 0)
    crm.turn("2d")
    assert reminded(crm) == []


def test_nobody_is_reminded_after_the_purchase_however_late_it_is(crm):
    update(crm, "c1", 1)
    crm.turn("59m")
    crm.clock.turn("1m")
    crm.track("order_placed", "ada", at=crm.now() - 1000, properties={"cart": "c1"})
    crm.turn("2d")
    assert reminded(crm) == []
