"""What cannot be read, written or waited for is refused where it is said; what goes wrong all the same stays with its campaign."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from crmcore.errors import InvalidCampaign, InvalidTime, InvalidValue
from crmcore.flow.journeys import advancing
from crmcore.model.steps import Arm, Split, Wait, WaitDate
from crmcore.model.time import MINUTE
from crmcore.model.triggers import OnCall, OnDate, Reentry
from tests.flow.journeys.travelling import journey, people, said, send, templates, wait


@pytest.fixture
def crm(open_crm):
    crm = open_crm()
    people(crm, "ann")
    templates(crm, "hello", "other")
    return crm


UNREADABLE = {
    "weights": Split(name="parts", arms=(Arm(name="a", weight=0.5), Arm(name="b", weight=0.5))),
    "a time": Wait(name="day", lasting=timedelta(days=1)),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_no_run_begins_of_what_could_not_be_read_again(crm, name):
    with pytest.raises(InvalidCampaign):
        crm.launch(journey(UNREADABLE[name], send("hello")))
    assert crm.campaigns() == []


@pytest.mark.parametrize("lasting", ["999999999d", "999999999w"])
def test_nobody_waits_for_more_than_a_hundred_years(crm, lasting):
    with pytest.raises(InvalidTime, match="more than 100 years"):
        crm.launch(journey(Wait(name="long", lasting=lasting), send("hello")))
    with pytest.raises(InvalidTime, match="more than 100 years"):
        OnDate(attribute="renewal", offset=lasting)
    with pytest.raises(InvalidTime, match="more than 100 years"):
        journey(send("hello"), expires=lasting)


def test_a_gap_that_nobody_can_read_is_refused_where_it_is_said():
    with pytest.raises(InvalidTime):
        Reentry(when="every", gap="7 dayz")


LAST = [date.max, datetime(9999, 12, 31, 23, 59, tzinfo=UTC)]


@pytest.mark.parametrize("last", LAST)
@pytest.mark.parametrize("yearly", [True, False])
def test_a_date_that_never_comes_is_no_trouble(crm, recorder, last, yearly):
    trigger = OnDate(attribute="renewal", offset="5d", yearly=yearly)
    crm.launch(journey(send("hello"), trigger=trigger))
    crm.identify("ann", {"renewal": last})
    crm.launch(journey(WaitDate(name="late", attribute="renewal", offset="5d"), send("other"), name="waiting"))
    assert crm.work().waiting == ()
    assert said(recorder) == []


def test_a_step_that_breaks_keeps_no_other_campaign_waiting(crm, recorder, monkeypatch):
    def broken(*_):
        raise KeyError("ann@example.com")

    monkeypatch.setattr(advancing, "DOINGS", {**advancing.DOINGS, Wait: broken})
    crm.launch(journey(wait("1d"), send("hello"), name="broken"))
    crm.launch(journey(send("other")))
    assert [(one.campaign, one.problem) for one in crm.work().waiting] == [("broken", "KeyError")]
    assert said(recorder) == ["other ann"]


@pytest.mark.parametrize("key", [7, None, "a\0b", "\ud800", "x" * 201])
def test_nobody_enters_by_what_is_no_key(crm, key):
    crm.launch(journey(send("hello"), trigger=OnCall()))
    with pytest.raises(InvalidValue, match=r"enter\.key"):
        crm.enter("journey", "ann", key=key)


def test_a_purchase_ends_what_a_device_whose_clock_is_fast_began(crm, clock, recorder):
    crm.launch(journey(wait("1h"), send("hello"), trigger="cart_updated", exits=["order_placed"]))
    crm.track("cart_updated", "ann", at=clock.now() + 4 * MINUTE)
    crm.work()
    clock.turn("1m")
    crm.track("order_placed", "ann")
    clock.turn("2h")
    crm.work()
    assert said(recorder) == []
    assert crm.report("journey").journey.exited == {"order_placed": 1}
