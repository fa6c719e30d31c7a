"""Customers go through steps as the clock is turned."""

from __future__ import annotations

import pytest

from crmcore.errors import InvalidCampaign, RunState, UnknownCustomer
from crmcore.model.building import attribute, event, tag
from crmcore.model.happens import Happens, entered, left
from crmcore.model.steps import (
    AddToSegment,
    Arm,
    Branch,
    Emit,
    Enter,
    Exit,
    Split,
    Update,
    WaitDate,
    WaitFor,
    WaitUntil,
)
from crmcore.model.triggers import OnCall, Reentry
from tests.flow.journeys.travelling import days, journey, people, said, send, templates, wait


def test_messages_go_on_the_days_they_are_for(crm, clock, recorder):
    people(crm, "ada")
    templates(crm, "hello", "tips", "offer")
    crm.launch(journey(send("hello"), wait("3d"), send("tips"), wait("4d"), send("offer")))
    sent = {}
    for day in days(crm, clock, 10):
        sent[day] = len(recorder.sent)
    assert (sent[0], sent[2], sent[3], sent[6], sent[7], sent[9]) == (1, 1, 2, 2, 3, 3)
    assert said(recorder) == ["hello ada", "tips ada", "offer ada"]


def test_a_run_is_finished_once_nobody_is_on_the_way(crm, clock):
    people(crm, "ada")
    templates(crm, "hello")
    crm.launch(journey(send("hello"), wait("1d")))
    crm.work()
    assert [one.state for one in crm.runs()] == ["running"]
    clock.turn("1d")
    crm.work()
    assert [one.state for one in crm.runs()] == ["finished"]


def test_an_event_lets_the_customer_enter_whom_the_audience_has(crm, recorder):
    people(crm, "ada", "bob")
    crm.identify("ada", {}, tags=["vip"])
    templates(crm, "hello")
    crm.launch(journey(send("hello"), trigger=event("signed_up"), audience=tag("vip")))
    crm.track("signed_up", "ada")
    crm.track("signed_up", "bob")
    crm.work()
    assert said(recorder) == ["hello ada"]


def test_only_an_event_with_the_fields_asked_for_lets_in(crm, recorder):
    people(crm, "ada", "bob")
    templates(crm, "hello")
    crm.launch(journey(send("hello"), trigger=event("signed_up").where(plan="pro")))
    crm.track("signed_up", "ada", properties={"plan": "pro"})
    crm.track("signed_up", "bob", properties={"plan": "free"})
    crm.work()
    assert said(recorder) == ["hello ada"]


def test_what_a_host_has_committed_lets_in_at_the_next_work(crm, recorder, new_database):
    from sqlalchemy import create_engine

    people(crm, "ada")
    templates(crm, "hello")
    crm.launch(journey(send("hello"), trigger="signed_up"))
    engine = create_engine(new_database("crm.db").replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        crm.using(connection).track("signed_up", "ada")
    engine.dispose()
    crm.work()
    assert said(recorder) == ["hello ada"]


def test_entering_a_segment_lets_in(crm, recorder):
    people(crm, "ada")
    templates(crm, "hello")
    crm.define_segment("vips", tag("vip"))
    crm.launch(journey(send("hello"), trigger=entered("vips")))
    crm.work()
    crm.identify("ada", {}, tags=["vip"])
    crm.work()
    assert said(recorder) == ["hello ada"]


def test_the_host_lets_in_whom_it_names(crm, recorder):
    people(crm, "ada", "bob", "cyd")
    templates(crm, "hello")
    crm.launch(journey(send("hello"), trigger=OnCall()))
    assert crm.enter("journey", ["ada", "cyd"]) == 2
    crm.work()
    assert said(recorder) == ["hello ada", "hello cyd"]


def test_nobody_is_let_into_a_campaign_that_is_over_or_unknown(crm):
    people(crm, "ada")
    templates(crm, "hello")
    crm.launch(journey(send("hello"), trigger=OnCall()))
    with pytest.raises(UnknownCustomer):
        crm.enter("journey", "nobody")
    crm.cancel("journey")
    with pytest.raises(RunState):
        crm.enter("journey", "ada")


def test_a_branch_asks_when_the_customer_comes_to_it(crm, clock, recorder):
    people(crm, "ada", "bob")
    templates(crm, "thanks", "remind")
    bought = Branch(name="bought", condition=event("order_placed").did(), then="thanks", otherwise="remind")
    crm.launch(journey(wait("1d"), bought, send("thanks", then="end"), send("remind")))
    crm.work()
    crm.track("order_placed", "ada")
    clock.turn("1d")
    crm.work()
    assert sorted(said(recorder)) == ["remind bob", "thanks ada"]


def test_an_exit_ends_the_way_and_what_was_planned_for_it(crm, clock, recorder):
    people(crm, "ada", "bob")
    templates(crm, "hello", "again")
    crm.launch(journey(send("hello"), wait("1d"), send("again"), exits=["order_placed"]))
    crm.work()
    clock.turn("1d")
    crm.track("order_placed", "ada")
    crm.work()
    assert said(recorder) == ["hello ada", "hello bob", "again bob"]


def test_a_purchase_a_millisecond_before_the_message_is_due_stops_it(crm, clock, recorder):
    people(crm, "ada", "bob")
    templates(crm, "again")
    crm.launch(journey(wait("1d"), send("again"), exits=["order_placed"]))
    crm.work()
    clock.turn("1d")
    crm.track("order_placed", "ada", at=clock.now() - 1000)
    crm.work()
    assert said(recorder) == ["again bob"]


def test_a_purchase_once_the_message_is_planned_stops_it_still(crm, recorder):
    people(crm, "ada", "bob")
    templates(crm, "again")
    crm.launch(journey(send("again"), exits=["order_placed"]))
    crm.work(limit=0)
    crm.track("order_placed", "ada")
    crm.work()
    assert said(recorder) == ["again bob"]
    assert crm.report("journey").skipped == {"exited": 1}


def test_whoever_does_what_is_waited_for_goes_on_at_once_and_the_others_after_the_time(crm, clock, recorder):
    people(crm, "ada", "bob")
    templates(crm, "thanks", "remind")
    waiting = WaitFor(name="opens", event=event("app_opened"), timeout="2d", then="thanks", otherwise="remind")
    crm.launch(journey(waiting, send("thanks", then="end"), send("remind")))
    crm.work()
    crm.track("app_opened", "ada")
    crm.work()
    assert said(recorder) == ["thanks ada"]
    clock.turn("2d")
    crm.work()
    assert said(recorder) == ["thanks ada", "remind bob"]


def test_what_happens_after_the_time_was_waited_for_no_more_whenever_work_is_done(crm, clock, recorder):
    people(crm, "ada")
    templates(crm, "thanks", "remind")
    waiting = WaitFor(name="opens", event=event("app_opened"), timeout="1h", then="thanks", otherwise="remind")
    crm.launch(journey(waiting, send("thanks", then="end"), send("remind")))
    crm.work()
    clock.turn("61m")
    crm.track("app_opened", "ada")
    crm.work()
    assert said(recorder) == ["remind ada"]


def test_it_waits_until_the_clock_of_each_customer_shows_the_time(crm, clock, recorder):
    people(crm, "ada", time_zone="Europe/London")
    people(crm, "bob", time_zone="America/New_York")
    templates(crm, "hello")
    crm.launch(journey(WaitUntil(name="nine", at="14:00"), send("hello")))
    sent = [len(recorder.sent) for _ in days(crm, clock, 10, by="1h")]
    # It is noon in London, seven in the morning in New York.
    assert [sent.index(1), sent.index(2)] == [2, 7]


def test_it_waits_until_days_before_a_date_of_each(crm, clock, recorder):
    from datetime import date

    people(crm, "ada", renewal=date(2026, 3, 10))
    people(crm, "bob", renewal=date(2026, 2, 1))
    people(crm, "cyd")
    templates(crm, "renew")
    crm.launch(journey(WaitDate(name="before", attribute="renewal", offset="-3d"), send("renew")))
    crm.work()
    assert said(recorder) == ["renew bob", "renew cyd"]
    clock.turn("5d")
    crm.work()
    assert len(recorder.sent) == 2
    clock.turn("1d")
    crm.work()
    assert said(recorder)[2:] == ["renew ada"]


def test_a_customer_keeps_its_arm_whenever_it_comes_again(crm, clock, recorder):
    people(crm, *map(str, range(40)))
    templates(crm, "long", "short")
    parts = Split(name="subject", arms=[Arm(name="a", then="long", lever="subject"), Arm(name="b", then="short")])
    reentry = Reentry(when="every")
    crm.launch(journey(parts, send("long", then="end"), send("short"), trigger="visited", reentry=reentry))
    for _ in range(2):
        for one in range(40):
            crm.track("visited", str(one))
        crm.work()
        clock.turn("1d")
    first, second = said(recorder)[:40], said(recorder)[40:]
    assert sorted(first) == sorted(second)
    assert {one.partition(" ")[0] for one in first} == {"long", "short"}


def test_steps_set_attributes_and_tags_emit_events_and_add_to_lists(crm, recorder):
    people(crm, "ada", referred_by="bob")
    people(crm, "bob")
    crm.upload_segment("welcomed", [])
    steps = (
        Update(name="note", attributes={"stage": "welcomed"}, tags="seen"),
        AddToSegment(name="list", segment="welcomed"),
        Emit(name="tell", event="welcomed", properties={"by": "campaign"}),
        Emit(name="thank", event="friend_welcomed", person="referred_by"),
        Exit(name="stop"),
    )
    crm.launch(journey(*steps, trigger="signed_up"))
    crm.track("signed_up", "ada")
    crm.work()
    ada = crm.customer("ada")
    assert (ada.attributes["stage"], ada.tags) == ("welcomed", ("seen",))
    assert [one.name for one in crm.timeline("ada")].count("welcomed") == 1
    assert [one.name for one in crm.timeline("bob")].count("friend_welcomed") == 1
    assert "ada" in [one.key for one in crm.segment("welcomed").members()]


def test_a_campaign_lets_its_customers_enter_another(crm, recorder):
    people(crm, "ada")
    templates(crm, "hello")
    crm.launch(journey(send("hello"), name="inner", trigger=OnCall()))
    crm.launch(journey(Enter(name="go", campaign="inner"), name="outer", trigger="signed_up"))
    crm.track("signed_up", "ada")
    crm.work()
    crm.work()
    assert said(recorder) == ["hello ada"]


def test_a_cart_has_a_way_of_its_own(crm, clock, recorder):
    people(crm, "ada")
    templates(crm, "remind")
    crm.launch(
        journey(
            wait("1h"),
            send("remind"),
            trigger=Happens(event="cart_updated", key="ref"),
            exits=[Happens(event="order_placed", key="cart")],
        )
    )
    crm.track("cart_updated", "ada", ref="c1")
    crm.track("cart_updated", "ada", ref="c2")
    crm.track("order_placed", "ada", properties={"cart": "c1"})
    crm.work()
    clock.turn("1h")
    crm.work()
    assert said(recorder) == ["remind ada"]


def test_nobody_enters_by_what_was_before_the_launch(crm, clock, recorder):
    people(crm, "ada")
    templates(crm, "hello")
    crm.launch(journey(send("hello"), trigger="signed_up"))
    crm.track("signed_up", "ada", at=clock.now() - 1)
    crm.work()
    assert said(recorder) == []


def test_a_trigger_that_comes_in_later_than_what_ends_its_way_lets_nobody_in(crm, clock, recorder):
    people(crm, "ada")
    templates(crm, "remind")
    crm.launch(journey(wait("1h"), send("remind"), trigger="cart_updated", exits=["order_placed"]))
    clock.turn("1h")
    crm.track("order_placed", "ada", at=clock.now() - 1000)
    crm.track("cart_updated", "ada", at=clock.now() - 2000)
    crm.work()
    clock.turn("2h")
    crm.work()
    assert said(recorder) == []


def test_a_message_to_a_second_channel_goes_to_whom_the_first_cannot_reach(crm, recorder):
    people(crm, "ada")
    templates(crm, "hello")
    with pytest.raises(Exception, match="push"):
        crm.launch(journey(send("hello", channels=["note", "push"])))


def test_a_campaign_that_takes_customers_in_is_not_launched_beside_itself(crm):
    templates(crm, "hello")
    crm.launch(journey(send("hello"), trigger="signed_up"))
    with pytest.raises(RunState):
        crm.launch(journey(send("hello"), trigger="signed_up"))


def test_a_list_of_a_rule_cannot_be_added_to(crm):
    crm.define_segment("vips", attribute("vip") == True)  # noqa: E712 - a condition
    with pytest.raises(InvalidCampaign, match="only lists"):
        crm.launch(journey(AddToSegment(name="add", segment="vips"), trigger=left("vips")))


def test_an_event_that_lacks_the_key_lets_nobody_in_and_says_so(crm):
    people(crm, "ada")
    templates(crm, "remind")
    crm.launch(journey(send("remind"), trigger=Happens(event="cart_updated", key="ref")))
    crm.track("cart_updated", "ada")
    assert [one.reason for one in crm.explain("journey", "ada").refusals] == ["no_key"]
