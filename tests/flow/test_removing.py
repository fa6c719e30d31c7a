"""Addresses that are no more: carriers say so, or customers do; what is said last counts."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmcore import CRM
from crmcore.errors import InvalidIdentity
from crmcore.hooks.provider import Gone
from crmcore.loader import installed
from crmcore.model.identity import Identity
from crmcore.model.time import HOUR
from crmcore.testing.clock import TurnedClock
from tests.conftest import NOON
from tests.flow.devices import Answers, Devices, customer, launch, reached

PHONE, TABLET = ("fcm", "phone"), ("apns", "tablet")


@pytest.fixture
def answers():
    return Answers()


@pytest.fixture
def devices(answers):
    return Devices(answers)


@pytest.fixture
def crm(new_database, clock, devices, recorder):
    plugins = {"devices": devices, "recorder": recorder}
    with CRM(new_database("push.db"), clock=clock, plugins=plugins, blocked=installed()) as crm:
        yield crm


def gone(**said):
    return lambda delivery_id: Gone(delivery_id=delivery_id, code="410", **said)


def told(crm, name="address_removed"):
    return [json.loads(one.properties) for one in crm.timeline("ada") if one.name == name]


def sent(crm, devices, name):
    devices.sent.clear()
    launch(crm, name)
    crm.work()
    return reached(devices)


def test_an_address_that_is_gone_is_removed_and_nothing_goes_there_any_more(crm, devices, answers):
    answers.by_value["phone"] = gone()
    customer(crm, "ada", PHONE, TABLET)
    launch(crm)
    crm.work()
    assert crm.customer("ada").removed == (Identity("fcm", "phone"),)
    assert {one.reason for one in crm.deliveries("news", "failed")} == {"gone: 410"}
    assert sent(crm, devices, "more") == ["tablet"]


@pytest.mark.parametrize("name", ["address_removed", "app_uninstalled"])
def test_that_it_is_gone_happens_to_the_customer_once_and_tells_no_address(crm, answers, name):
    answers.by_value["phone"] = gone(event=name)
    customer(crm, "ada", PHONE)
    for campaign in ("one", "two"):
        launch(crm, campaign)
    crm.work()
    assert told(crm, name) == [{"channel": "push", "kind": "fcm"}]


def test_what_waits_for_an_address_that_is_gone_ends_without_one(crm, answers, devices):
    answers.by_value["phone"] = gone()
    customer(crm, "ada", PHONE)
    for name in ("one", "two"):
        launch(crm, name)
    crm.work()
    launched = [crm.report(name) for name in ("one", "two")]
    assert sorted((tuple(one.failed), tuple(one.skipped)) for one in launched) in (
        [((), ("no_address",)), (("gone: 410",), ())],
        [(("gone: 410",), ()), (("gone: 410",), ())],
    )


def test_tried_again_it_is_skipped(crm, answers):
    answers.by_value["phone"] = gone()
    customer(crm, "ada", PHONE)
    launch(crm)
    crm.work()
    crm.retry("news")
    crm.work()
    assert (crm.report("news").failed, crm.report("news").skipped) == ({}, {"no_address": 1})


def test_registered_again_it_is_back(crm, devices, answers):
    answers.by_value["phone"] = gone()
    customer(crm, "ada", PHONE)
    launch(crm)
    crm.work()
    answers.by_value.clear()
    crm.identify({"key": "ada", "fcm": "phone"})
    assert crm.customer("ada").removed == ()
    assert sent(crm, devices, "more") == ["phone"]


def test_an_address_that_came_in_after_its_carrier_knew_it_gone_stays(crm, devices, answers, clock):
    customer(crm, "ada", PHONE)
    known_at = crm.now() + HOUR
    clock.turn("2h")
    crm.identify({"key": "ada", "fcm": "phone"})
    answers.by_value["phone"] = gone(at=known_at)
    launch(crm)
    crm.work()
    assert (crm.customer("ada").removed, told(crm)) == ((), [])
    answers.by_value.clear()
    assert sent(crm, devices, "more") == ["phone"]


def test_an_address_that_comes_in_while_its_message_is_under_way_stays(crm, devices, answers, clock):
    def refuse(delivery_id):
        clock.turn("1s")
        crm.identify({"key": "ada", "fcm": "phone"})
        clock.turn("1s")
        return Gone(delivery_id=delivery_id, code="404")

    answers.by_value["phone"] = refuse
    customer(crm, "ada", PHONE)
    launch(crm)
    crm.work()
    assert (crm.customer("ada").removed, told(crm)) == ((), [])
    answers.by_value.clear()
    assert sent(crm, devices, "more") == ["phone"]


def test_a_carrier_whose_clock_is_ahead_keeps_nobody_from_coming_back(crm, answers):
    answers.by_value["phone"] = gone(at=crm.now() + 1000 * HOUR)
    customer(crm, "ada", PHONE)
    launch(crm)
    crm.work()
    crm.identify({"key": "ada", "fcm": "phone"})
    assert crm.customer("ada").removed == ()


def test_a_customer_takes_an_address_away_and_gives_it_back(crm, devices):
    customer(crm, "ada", PHONE, TABLET)
    crm.identify("ada", removed={"fcm": "phone"})
    assert (crm.customer("ada").removed, told(crm)) == (
        (Identity("fcm", "phone"),),
        [{"channel": "push", "kind": "fcm"}],
    )
    assert sent(crm, devices, "one") == ["tablet"]
    crm.identify({"key": "ada", "fcm": "phone"})
    assert sent(crm, devices, "two") == ["phone", "tablet"]


def test_an_event_that_names_a_removed_address_does_not_bring_it_back(crm):
    customer(crm, "ada", PHONE)
    crm.identify("ada", removed={"fcm": "phone"})
    crm.track("page_viewed", {"fcm": "phone"})
    assert crm.customer({"fcm": "phone"}).removed == (Identity("fcm", "phone"),)
    assert crm.timeline("ada")[0].name == "page_viewed"


def test_nobody_takes_away_the_address_of_another(crm):
    customer(crm, "ada", PHONE)
    customer(crm, "bob")
    crm.identify("bob", removed={"fcm": "phone"})
    assert crm.customer("ada").removed == ()


def test_nobody_brings_back_the_address_of_another(crm):
    customer(crm, "ada", PHONE)
    customer(crm, "bob")
    crm.identify("ada", removed={"fcm": "phone"})
    crm.identify({"key": "bob", "fcm": "phone"})
    assert crm.customer("ada").removed == (Identity("fcm", "phone"),)


def test_an_address_nobody_knows_is_not_removed(crm):
    customer(crm, "ada")
    crm.identify("ada", removed={"fcm": "nobody's"})
    assert (crm.customer("ada").removed, told(crm)) == ((), [])


def test_a_key_is_no_address(crm):
    with pytest.raises(InvalidIdentity, match="a key is no address"):
        crm.identify("ada", removed={"key": "ada"})


def test_an_email_address_is_taken_away_and_named_again_too(crm, recorder):
    crm.identify({"key": "ada", "email": "ada@example.com"})
    crm.consent("ada", "newsletter")
    crm.identify("ada", removed={"email": "Ada@example.com"})
    launch(crm, "one", channel="note")
    crm.identify("ada", {"email": "ada@example.com"})
    launch(crm, "two", channel="note")
    crm.work()
    assert reached(recorder) == ["ada@example.com"]
    assert crm.report("one").skipped == {"no_address": 1}


def test_a_host_takes_an_address_away_in_its_transaction(crm, devices):
    customer(crm, "ada", PHONE, TABLET)
    with crm._opened.engine.begin() as connection:
        crm.using(connection).identify("ada", removed={"fcm": "phone"})
    assert sent(crm, devices, "news") == ["tablet"]


def test_a_removed_address_stays_so_through_merge_and_unmerge(crm, clock):
    customer(crm, "ada", PHONE)
    crm.identify("bob")
    crm.identify("ada", removed={"fcm": "phone"})
    crm.merge("ada", "bob", force=True)
    assert crm.customer("bob").removed == (Identity("fcm", "phone"),)
    clock.turn("1m")
    crm.unmerge("ada", "bob")
    assert (crm.customer("bob").removed, crm.customer("ada").removed) == ((), (Identity("fcm", "phone"),))


SAID = st.lists(st.tuples(st.integers(2, 40), st.booleans()), min_size=1, max_size=6, unique_by=lambda one: one[0])


@given(said=SAID, order=st.randoms(use_true_random=False))
@settings(max_examples=20, deadline=None)
def test_in_whatever_order_it_comes_in_what_was_said_last_counts(said, order):
    shuffled = order.sample(said, len(said))
    with CRM("sqlite://", clock=TurnedClock(NOON), plugins={"devices": Devices()}, blocked=installed()) as crm:
        start = crm.now() - HOUR
        crm.identify({"key": "ada", "fcm": "phone"}, at=start)
        for minute, is_there in shuffled:
            at = start + minute * HOUR // 60
            if is_there:
                crm.identify({"key": "ada", "fcm": "phone"}, at=at)
            else:
                crm.identify("ada", removed={"fcm": "phone"}, at=at)
        _, is_there = max(said)
        assert crm.customer("ada").removed == (() if is_there else (Identity("fcm", "phone"),))
