"""Dormant customers, by time alone."""

import attrs
import pytest
from winback import DORMANT, TEMPLATES, WINBACK

ALL = attrs.evolve(WINBACK, holdout=0.0)


@pytest.fixture
def crm(shop):
    crm = shop(TEMPLATES, "ada", "bob", consents=("email", "push"))
    crm.identify({"key": "ada", "device": "ada-phone"})
    crm.define_segment("dormant", DORMANT)
    return crm


def order(crm, *names):
    for name in names:
        crm.track("order_placed", name, amount=1250, currency="EUR")


def test_ninety_days_without_an_order_are_enough(crm):
    crm.launch(ALL)
    order(crm, "ada", "bob")
    crm.turn("89d")
    assert crm.sent == []
    crm.turn("2d")
    assert [(one.customer, one.channel, one.step) for one in crm.sent] == [
        ("ada", "push", "we_miss_you"),
        ("bob", "email", "we_miss_you"),
    ]


def test_whoever_does_not_want_a_push_is_reached_by_mail(crm):
    crm.consent("ada", "retention", channel="push", granted=False)
    crm.launch(ALL)
    order(crm, "ada")
    crm.turn("91d")
    assert [(one.customer, one.channel) for one in crm.sent] == [("ada", "email")]


def test_whoever_looks_in_meanwhile_gets_no_offer(crm):
    crm.launch(ALL)
    order(crm, "ada", "bob")
    crm.turn("91d")
    crm.track("app_opened", "ada")
    crm.turn("7d")
    assert [one.customer for one in crm.sent if one.step == "an_offer"] == ["bob"]


def test_an_order_ends_it_and_it_comes_again_half_a_year_later_at_the_earliest(crm):
    crm.launch(ALL)
    order(crm, "bob")
    crm.turn("91d")
    order(crm, "bob")
    crm.turn("95d")
    assert [one.step for one in crm.sent] == ["we_miss_you"]
    order(crm, "bob")
    crm.turn("91d")
    assert [one.step for one in crm.sent] == ["we_miss_you", "we_miss_you"]


def test_a_tenth_is_left_out_to_compare_with(crm):
    names = [f"c{number}" for number in range(200)]
    crm.identify_many({"customer": {"key": name, "email": f"{name}@example.com"}} for name in names)
    crm.identify_many({"customer": name, "attributes": {"name": name}} for name in names)
    crm.consent_many({"customer": name, "purpose": "retention"} for name in names)
    crm.launch(WINBACK)
    order(crm, *names)
    crm.turn("120d")
    report = crm.report("winback")
    assert report.treated.customers + report.held_out.customers == 200
    assert 5 <= report.held_out.customers <= 40
