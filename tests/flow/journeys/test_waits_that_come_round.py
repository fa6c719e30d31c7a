"""On every way round time passes, also where the clock shows just what is waited for."""

from __future__ import annotations

import pytest

from crmcore.model.steps import Arm, Send, Split, Wait, WaitUntil
from tests.flow.journeys.travelling import days, journey, people, said, send, templates

DAILY = journey(WaitUntil(name="nine", at="09:00"), send("hello", then="nine"))
AT_ONCE = journey(send("hello"), Wait(name="nothing", lasting="0d", then="hello"))


@pytest.fixture
def crm(open_crm):
    crm = open_crm()
    people(crm, "ann")
    templates(crm, "hello")
    return crm


def test_what_comes_at_nine_comes_once_a_day(crm, clock, recorder):
    crm.launch(DAILY)
    for _ in days(crm, clock, 49, by="1h"):
        pass
    assert said(recorder) == ["hello ann"] * 2


def test_it_does_so_in_a_dry_run(crm):
    assert crm.simulate(DAILY, days=3).sent == 3


def test_whoever_comes_from_elsewhere_at_nine_goes_on_at_nine(crm, clock, recorder):
    clock.turn("21h")
    crm.launch(journey(WaitUntil(name="nine", at="09:00"), send("hello")))
    crm.work()
    crm.work()
    assert said(recorder) == ["hello ann"]


def test_a_wait_for_no_time_ends_with_the_next_minute(crm, clock, recorder):
    crm.launch(AT_ONCE)
    for _ in range(3):
        crm.work()
    assert said(recorder) == ["hello ann"]
    clock.turn("1m")
    crm.work()
    assert said(recorder) == ["hello ann"] * 2


def test_whoever_goes_round_for_long_keeps_its_arm(crm, clock):
    """A path of which the beginning is left out."""
    subject = Split(name="subject", arms=(Arm(name="a"), Arm(name="b")))
    again = Send(name="again_" + "x" * 90, template="hello", channels="note")
    crm.launch(journey(subject, again, Wait(name="wait_" + "x" * 90, lasting="1d", then=again.name)))
    for _ in days(crm, clock, 30):
        pass
    assert sorted(arm.counted.customers for arm in crm.report("journey").journey.arms) == [0, 1]
