"""Slips that a stranger makes are named before anybody sets out; what happens between two calls of work is not missed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from crmcore import CRM
from crmcore.errors import InvalidCampaign, UnknownSegment
from crmcore.model.building import event
from crmcore.model.campaign import Campaign, Goal
from crmcore.model.condition import Everyone
from crmcore.model.happens import entered
from crmcore.model.steps import Send, Update, Wait, WaitFor
from crmcore.model.triggers import Reentry
from tests.flow.journeys.travelling import journey, people, said, send, templates, wait


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"goal": "order_placed"}, "goal has 'order_placed', which is no Goal"),
        ({"goals": ["order_placed"]}, "goals has 'order_placed'"),
        ({"reentry": "every"}, "reentry has 'every', which is no Reentry"),
        ({"trigger": 42}, "trigger has 42"),
        ({"steps": [{"wait": "w"}]}, "steps has {'wait': 'w'}"),
        ({"steps": [Wait(name="w", lasting=timedelta(days=3))]}, "step 'w' has lasting="),
        ({"steps": [Send(name="s", template="t", channels=[])]}, "needs a channel"),
        ({"steps": [Send(name="s", template="t", channels="note", holdout=10)]}, "holdout of step 's' is 10"),
    ],
)
def test_what_is_of_another_kind_is_named(changes, named):
    with pytest.raises(InvalidCampaign) as caught:
        journey(**{"steps": [wait("1d")], **changes})
    assert named in str(caught.value)


@pytest.mark.parametrize(
    "changes",
    [
        {"policy": "again"},
        {"reentry": Reentry(when="evry")},
        {"goal": Goal(event="order_placed", attribution="middle")},
    ],
)
def test_a_word_that_is_none_of_the_list_is_refused_at_the_launch(crm, changes):
    with pytest.raises(InvalidCampaign):
        crm.launch(journey(wait("1d"), trigger="signed_up", **changes))
    crm.track("signed_up", "ada")
    crm.work()


def test_one_step_needs_no_list():
    assert Campaign(name="c", purpose="service", audience="everyone", steps=wait("1d")).steps == (wait("1d"),)


def test_an_audience_may_be_said_in_words():
    given = {"name": "c", "purpose": "service", "channel": "note", "template": "t"}
    assert Campaign(audience="everyone", **given).audience == Everyone()
    assert Campaign(audience="did order_placed", **given).audience == event("order_placed").did().condition
    assert Campaign(audience="vips", **given).audience == "vips"


@pytest.mark.parametrize("place", ["trigger", "exits", "steps"])
def test_a_segment_that_is_not_there_is_named(crm, place):
    given = {"trigger": entered("vpis")} if place == "trigger" else {}
    given |= {"exits": [entered("vpis")]} if place == "exits" else {}
    steps = [WaitFor(name="f", event=entered("vpis"), timeout="1d")] if place == "steps" else [wait("1d")]
    with pytest.raises(UnknownSegment):
        crm.launch(journey(*steps, **given))


def test_of_two_updates_in_one_pass_the_later_counts(crm):
    people(crm, "ada")
    first = Update(name="first", attributes={"stage": "welcomed"}, tags="x")
    crm.launch(journey(first, Update(name="second", attributes={"stage": "done"}, untags="x")))
    crm.work()
    ada = crm.customer("ada")
    assert (ada.attributes["stage"], ada.tags) == ("done", ())


def waiting(*before):
    waits = WaitFor(name="orders", event="order_placed", timeout="1d", then="thanks", otherwise="remind")
    return journey(*before, waits, send("thanks", then="end"), send("remind"), trigger="signed_up")


@pytest.mark.parametrize("before", [(), (send("hello"),)], ids=["first", "after a message"])
def test_what_is_waited_for_may_have_come_before_anybody_worked(crm: CRM, clock, recorder, before):
    people(crm, "ada")
    templates(crm, "hello", "thanks", "remind")
    crm.launch(waiting(*before))
    crm.track("signed_up", "ada")
    clock.turn("40s")
    crm.track("order_placed", "ada")
    clock.turn("20s")
    crm.work()
    assert said(recorder)[-1:] == ["thanks ada"]


def test_what_came_before_the_customer_entered_is_not_waited_for(crm, clock, recorder):
    people(crm, "ada")
    templates(crm, "hello", "thanks", "remind")
    crm.launch(waiting())
    crm.track("order_placed", "ada")
    clock.turn("40s")
    crm.track("signed_up", "ada")
    crm.work()
    assert said(recorder) == []


def test_the_event_that_lets_in_is_not_the_one_that_is_waited_for(crm, clock, recorder):
    people(crm, "ada")
    templates(crm, "thanks", "remind")
    waits = WaitFor(name="again", event="visited", timeout="1d", then="thanks", otherwise="remind")
    crm.launch(journey(waits, send("thanks", then="end"), send("remind"), trigger="visited"))
    crm.track("visited", "ada")
    crm.work()
    assert said(recorder) == []
    clock.turn("1h")
    crm.track("visited", "ada")
    crm.work()
    assert said(recorder) == ["thanks ada"]


def test_a_step_that_moves_lead_away_from_has_to_be_one(crm):
    people(crm, "ada")
    crm.launch(journey(wait("3d"), trigger="signed_up"))
    with pytest.raises(InvalidCampaign, match="away from 'nope'"):
        crm.revise(journey(wait("3d"), trigger="signed_up"), moves={"nope": "wait_3d"})


def test_of_two_at_one_time_the_first_lets_in_and_the_second_is_what_is_waited_for(crm, recorder):
    people(crm, "ada")
    templates(crm, "thanks", "remind")
    waits = WaitFor(name="again", event="visited", timeout="1d", then="thanks", otherwise="remind")
    crm.launch(journey(waits, send("thanks", then="end"), send("remind"), trigger="visited"))
    crm.track_many([{"name": "visited", "customer": "ada"}] * 2)
    crm.work()
    assert said(recorder) == ["thanks ada"]


@pytest.mark.parametrize("orders_before_work", [True, False])
def test_one_event_is_waited_for_by_one_wait(crm, clock, recorder, orders_before_work):
    people(crm, "ada")
    templates(crm, "thanks", "remind")
    first = WaitFor(name="first", event="order_placed", timeout="9d")
    second = WaitFor(name="second", event="order_placed", timeout="1d", then="thanks", otherwise="remind")
    crm.launch(journey(first, second, send("thanks", then="end"), send("remind"), trigger="signed_up"))
    crm.track("signed_up", "ada")
    if not orders_before_work:
        crm.work()
    clock.turn("1s")
    crm.track("order_placed", "ada")
    crm.work()
    assert said(recorder) == []
    clock.turn("1h")
    crm.track("order_placed", "ada")
    crm.work()
    assert said(recorder) == ["thanks ada"]
