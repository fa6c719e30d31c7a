"""A message to every address of a customer: a delivery each, and one message in books, caps, codes and limits of journeys."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from crmcore import CRM
from crmcore.hooks.provider import Feedback, Gone, InDoubt, Permanent, Retry
from crmcore.loader import installed
from crmcore.model.delivery import Book
from crmcore.model.steps import Send
from crmcore.store import schema
from crmcore.testing.clock import TurnedClock
from tests.conftest import NOON
from tests.flow.devices import Answers, Devices, customer, launch, reached
from tests.flow.journeys.travelling import journey

PHONE, TABLET, BROWSER = ("fcm", "phone"), ("apns", "tablet"), ("webpush", "browser")


def failing(delivery_id):
    return Permanent(delivery_id=delivery_id, fault="content", code="no")


@pytest.fixture
def devices():
    return Devices()


@pytest.fixture
def opening(new_database, clock, devices, recorder):
    opened = []

    def opening(**given) -> CRM:
        plugins = {"devices": devices, "recorder": recorder}
        made = CRM(new_database("push.db"), clock=clock, plugins=plugins, blocked=installed(), **given)
        opened.append(made)
        return made

    yield opening
    for one in opened:
        one.close()


@pytest.fixture
def crm(opening):
    return opening()


def test_what_devices_report_counts_once_a_message(crm):
    customer(crm, "ada", PHONE, BROWSER)
    customer(crm, "bob", TABLET)
    launch(crm)
    crm.work()
    rows = {one.address_hint: one.id for one in crm.deliveries("news")}

    def said(device, *types):
        crm.feedback(Feedback(key=f"{device}{one}", type=one, at=crm.now(), delivery_id=rows[device]) for one in types)

    said("phone", "delivered", "clicked")
    said("browser", "delivered", "clicked")
    said("tablet", "read")
    report = crm.report("news")
    assert (report.sent, report.delivered, report.read, report.opened, report.clicked) == (2, 2, 1, 0, 1)


def test_each_delivery_says_to_which_device_it_went_and_not_how_to_send_there(crm):
    token = "cQzX:APA91bE_a_token_of_Firebase_1234"
    customer(crm, "ada", ("fcm", token), ("webpush", "https://push.example/u/secret-path p256dh auth"))
    customer(crm, "bob")
    launch(crm)
    crm.work()
    shown = {(one.address_kind, one.address_hint) for one in crm.deliveries("news")}
    assert shown == {("fcm", "cQzX…1234"), ("webpush", "push.example…path"), ("", "")}
    told = {(one.channel, one.address_kind, one.address_hint) for one in crm.explain("news", "ada").messages}
    assert told == {("push", "fcm", "cQzX…1234"), ("push", "webpush", "push.example…path")}


def test_a_message_goes_to_every_device(crm, devices):
    customer(crm, "ada", PHONE, TABLET, BROWSER)
    launch(crm)
    crm.work()
    assert reached(devices) == ["browser", "phone", "tablet"]
    report = crm.report("news")
    assert (report.eligible, report.sent, len(crm.deliveries("news"))) == (1, 1, 3)


def test_a_step_of_a_journey_reaches_every_device(crm, devices):
    customer(crm, "ada", PHONE, TABLET)
    crm.consent("ada", "retention", channel="push")
    crm.save_template("hello", "push", {"text": "hello"})
    crm.launch(journey(Send(name="hello", template="hello", channels="push")))
    crm.work()
    assert reached(devices) == ["phone", "tablet"]
    report = crm.report("journey")
    assert (report.eligible, report.sent, report.journey.steps[0].eligible) == (1, 1, 1)


def test_a_single_message_goes_to_every_device_or_to_the_one_it_names(crm, devices):
    customer(crm, "ada", PHONE, TABLET)
    crm.save_template("code", "push", {"text": "{{ message.code }}"})
    crm.send("code", to="ada", channel="push", fields={"code": "1"})
    crm.send("code", to={"apns": "tablet"}, channel="push", fields={"code": "2"})
    crm.work()
    assert sorted((one.address.value, one.body) for one in devices.sent) == [
        ("phone", b"1"),
        ("tablet", b"1"),
        ("tablet", b"2"),
    ]


def test_said_again_with_its_key_a_message_reaches_no_device_again(crm, devices):
    customer(crm, "ada", PHONE, TABLET)
    crm.save_template("code", "push", {"text": "hello"})
    for _ in "twice":
        crm.send("code", to="ada", channel="push", key="order-1")
    crm.work()
    assert reached(devices) == ["phone", "tablet"]


def test_a_device_that_comes_later_is_not_reached(crm, devices):
    customer(crm, "ada", PHONE)
    launch(crm)
    crm.identify({"key": "ada", "apns": "tablet"})
    crm.work()
    assert reached(devices) == ["phone"]


def test_a_device_that_goes_before_the_message_does_is_skipped(crm, devices):
    customer(crm, "ada", PHONE, TABLET)
    launch(crm)
    crm.identify("ada", removed={"fcm": "phone"})
    crm.work()
    assert reached(devices) == ["tablet"]
    assert {one.reason for one in crm.deliveries("news", "skipped")} == {"no_address"}
    assert (crm.report("news").sent, crm.report("news").skipped) == (1, {})


def test_of_two_devices_a_message_counts_by_the_better_outcome(crm, devices):
    devices.answer = Answers(phone=failing)
    customer(crm, "ada", PHONE, TABLET)
    customer(crm, "bob", ("fcm", "other"))
    launch(crm)
    crm.work()
    report = crm.report("news")
    assert (report.eligible, report.sent, report.failed) == (2, 2, {})


def test_the_held_out_reach_none_of_their_devices_and_count_once(crm, devices):
    customer(crm, "ada", PHONE, TABLET)
    launch(crm, holdout=0.9999999)
    crm.work()
    assert (reached(devices), crm.report("news").skipped) == ([], {"holdout": 1})


def test_a_message_to_three_devices_takes_one_place_of_a_cap(opening, devices):
    crm = opening(policy={"caps": [{"count": 2, "per": "1d", "then": "skip"}]})
    customer(crm, "ada", PHONE, TABLET, BROWSER)
    for name in ("one", "two", "three"):
        launch(crm, name)
    crm.work()
    assert len(devices.sent) == 6
    assert [crm.report(name).sent for name in ("one", "two", "three")] == [1, 1, 0]
    assert crm.report("three").skipped == {"capped": 1}


def test_what_waits_for_one_device_goes_though_the_cap_is_used_up_by_the_others(opening, devices, clock):
    crm = opening(policy={"caps": [{"count": 1, "per": "1d", "then": "skip"}]})
    devices.answer = Answers(phone=lambda delivery_id: Retry(delivery_id=delivery_id, after=60))
    customer(crm, "ada", PHONE, TABLET)
    launch(crm)
    crm.work()
    devices.answer = Answers()
    clock.turn("10m")
    crm.work()
    assert [one.state for one in crm.deliveries("news")] == ["accepted", "accepted"]


def test_all_devices_show_one_code(crm, devices):
    customer(crm, "ada", PHONE, TABLET)
    coupons(crm, "A1", "B2")
    crm.work()
    assert sorted(one.body for one in devices.sent) == [b"A1", b"A1"]
    assert [one.free for one in crm.coupons()] == [1]


def coupons(crm, *codes):
    crm.consent("ada", "retention", channel="push")
    crm.save_template("offer", "push", {"text": "{{ message.coupon }}"})
    crm.add_coupons("spring", codes)
    crm.launch(journey(Send(name="offer", template="offer", channels="push", coupon="spring")))
    crm.work(limit=0)


@pytest.mark.parametrize("gone", ["phone", "tablet"])
def test_a_code_stays_with_the_devices_that_are_left(crm, devices, gone):
    customer(crm, "ada", ("fcm", "phone"), ("fcm", "tablet"))
    coupons(crm, "A1")
    crm.identify("ada", removed={"fcm": gone})
    crm.work()
    assert [one.body for one in devices.sent] == [b"A1"]
    [(owner, _)] = owners(crm)
    assert owner == next(one.id for one in crm.deliveries("journey") if one.state == "accepted")


def test_a_code_comes_back_once_no_device_is_left(crm, devices):
    customer(crm, "ada", ("fcm", "phone"), ("fcm", "tablet"))
    coupons(crm, "A1")
    for gone in ("phone", "tablet"):
        crm.identify("ada", removed={"fcm": gone})
    crm.work()
    assert (devices.sent, owners(crm)) == ([], [(None, None)])


def owners(crm):
    row = schema.coupon.c
    with crm._opened.reading() as scope:
        query = select(row.delivery_id, row.reserved_at).where(row.workspace_id == scope.workspace_id)
        return [tuple(one) for one in scope.connection.execute(query)]


def both_ways(crm, *channels):
    crm.identify({"key": "ada", "email": "ada@example.com"})
    for channel in ("push", "note"):
        crm.consent("ada", "retention", channel=channel)
        crm.save_template("hello", channel, {"text": channel})
    crm.launch(journey(Send(name="hello", template="hello", channels=channels)))


def test_another_channel_stands_in_once_no_device_is_left(crm, devices, recorder):
    customer(crm, "ada", PHONE, TABLET)
    both_ways(crm, "push", "note")
    crm.identify("ada", removed={"fcm": "phone", "apns": "tablet"})
    crm.work()
    assert (reached(devices), reached(recorder)) == ([], ["ada@example.com"])
    assert (crm.report("journey").eligible, crm.report("journey").sent) == (1, 1)


def test_no_other_channel_stands_in_while_a_device_is_reached(crm, devices, recorder):
    customer(crm, "ada", PHONE, TABLET)
    both_ways(crm, "push", "note")
    crm.identify("ada", removed={"fcm": "phone"})
    crm.work()
    assert (reached(devices), reached(recorder)) == (["tablet"], [])


def test_every_device_stands_in_for_another_channel(crm, devices, recorder):
    customer(crm, "ada", PHONE, TABLET)
    both_ways(crm, "note", "push")
    crm.consent("ada", "retention", channel="note", granted=False)
    crm.work()
    assert (reached(devices), reached(recorder)) == (["phone", "tablet"], [])


def test_all_devices_say_the_same_whenever_they_are_sent_to(crm, devices):
    customer(crm, "ada", PHONE, TABLET)
    crm.identify("ada", {"city": "Norwich"})
    launch(crm, parts="{{ customer.city }}")
    crm.work(limit=1)
    crm.identify("ada", {"city": "Jakarta"})
    crm.work()
    assert [one.body for one in devices.sent] == [b"Norwich", b"Norwich"]


def test_cancelling_ends_the_message_on_every_device(crm, devices):
    customer(crm, "ada", PHONE, TABLET)
    launch(crm)
    crm.cancel("news")
    crm.work()
    assert (reached(devices), crm.report("news").skipped) == ([], {"cancelled": 1})


def test_what_failed_on_one_device_is_tried_again_there_alone(crm, devices):
    devices.answer = Answers(phone=failing)
    customer(crm, "ada", PHONE, TABLET)
    launch(crm)
    crm.work()
    devices.answer = Answers()
    devices.sent.clear()
    crm.retry("news")
    crm.work()
    assert reached(devices) == ["phone"]


def test_devices_of_customers_who_are_merged_are_all_reached(crm, devices):
    customer(crm, "ada", PHONE)
    crm.identify({"anonymous": "cookie", "apns": "tablet"})
    crm.consent({"anonymous": "cookie"}, "newsletter", channel="push")
    launch(crm)
    crm.merge({"anonymous": "cookie"}, "ada")
    crm.work()
    assert reached(devices) == ["phone", "tablet"]


OUTCOMES = {
    "retry": lambda delivery_id: Retry(delivery_id=delivery_id, after=3600),
    "doubt": lambda delivery_id: InDoubt(delivery_id=delivery_id),
    "failed": failing,
    "gone": lambda delivery_id: Gone(delivery_id=delivery_id, code="404"),
}
COUNTS_AS = {
    "accepted": Book.SENT,
    "retry": Book.WAITING,
    "doubt": Book.IN_DOUBT,
    "failed": Book.FAILED,
    "gone": Book.FAILED,
    "removed": Book.SKIPPED,
}


@given(drawn=st.lists(st.lists(st.sampled_from(sorted(COUNTS_AS)), max_size=3), min_size=1, max_size=4))
@settings(max_examples=15, deadline=None)
def test_the_books_balance_whatever_becomes_of_however_many_addresses(drawn):
    answers = Answers()
    with CRM("sqlite://", clock=TurnedClock(NOON), plugins={"devices": Devices(answers)}, blocked=installed()) as crm:
        wanted = dict.fromkeys(Book, 0)
        for n, outcomes in enumerate(drawn):
            customer(crm, str(n), *(("fcm", f"d{n}_{m}") for m in range(len(outcomes))))
            answers.by_value |= {f"d{n}_{m}": OUTCOMES[one] for m, one in enumerate(outcomes) if one in OUTCOMES}
            wanted[min((COUNTS_AS[one] for one in outcomes), key=list(Book).index, default=Book.SKIPPED)] += 1
        launch(crm)
        for n, outcomes in enumerate(drawn):
            for m, one in enumerate(outcomes):
                if one == "removed":
                    crm.identify(str(n), removed={"fcm": f"d{n}_{m}"})
        crm.work()
        report = crm.report("news")
        found = {
            Book.SENT: report.sent,
            Book.WAITING: report.waiting,
            Book.IN_DOUBT: report.in_doubt,
            Book.FAILED: sum(report.failed.values()),
            Book.SKIPPED: sum(report.skipped.values()),
        }
        assert found == wanted
        assert report.eligible == len(drawn)
