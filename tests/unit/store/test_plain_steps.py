"""Campaigns of steps as plain data: they come back as they were, and what nobody can read is said with its place and the fix."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings

from crmcore.errors import CRMError, InvalidCampaign
from crmcore.model.campaign import Campaign
from crmcore.store.plans import campaign_of, data_of
from crmcore.testing.journeys import campaigns

SEND = {"send": "hello", "template": "t", "channels": "note"}
WHOLE = {"name": "drip", "purpose": "retention", "audience": "all", "steps": [SEND]}


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(campaigns())
def test_json_gives_back_the_campaign(campaign):
    assert campaign_of(json.loads(json.dumps(data_of(campaign)))) == campaign


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(campaigns())
def test_the_same_campaign_is_the_same_text(campaign):
    again = campaign_of(json.loads(json.dumps(data_of(campaign))))
    assert json.dumps(data_of(again), sort_keys=True) == json.dumps(data_of(campaign), sort_keys=True)


def step(**said):
    return {"steps": [said, SEND]}


WRONG = {
    "no list": ({"steps": SEND}, "drip.steps", "is no list"),
    "no table": ({"steps": ["hello"]}, "drip.steps[0]", "'hello' is no table"),
    "no word": ({"steps": [{}]}, "drip.steps[0]", "'' is none of send, wait"),
    "near word": (step(wiat="a", lasting="1d"), "drip.steps[0]", "did you mean wait?"),
    "two words": (step(wait="a", send="b", lasting="1d"), "drip.steps[0]", "send and wait are said at once"),
    "near field": (
        step(wait="a", lastin="1d"),
        "drip.steps[0]",
        "'lastin' does not belong here; did you mean lasting?",
    ),
    "far field": (step(wait="a", lasting="1d", colour="red"), "drip.steps[0]", "known are wait, lasting, then"),
    "missing": (step(wait="a"), "drip.steps[0]", "lasting is missing"),
    "type": (step(wait="a", lasting=3), "drip.steps[0]", "3 is no str"),
    "named by a number": (step(wait=1, lasting="1d"), "drip.steps[0]", "1 is no str"),
    "then a number": (step(wait="a", lasting="1d", then=1), "drip.steps[0]", "1 is no str"),
    "share": (step(send="a", template="t", channels="note", holdout="half"), "drip.steps[0]", "half"),
    "channels": (step(send="a", template="t", channels=[1]), "drip.steps[0].channels", "neither a text nor a list"),
    "fields": (step(send="a", template="t", channels="note", fields=[]), "drip.steps[0].fields", "[] is no table"),
    "purpose": (step(send="a", template="t", channels="note", purpose="spam"), "drip.steps[0]", "spam"),
    "purpose's type": (step(send="a", template="t", channels="note", purpose=[1]), "drip.steps[0]", "[1]"),
    "condition": (step(branch="a", condition="city is"), "drip.steps[0].condition", ""),
    "condition's type": (step(branch="a", condition=4), "drip.steps[0].condition", "4"),
    "tree": (step(branch="a", condition={"tga": "vip"}), "drip.steps[0].condition", "tga"),
    "arms": (step(split="a", arms=4), "drip.steps[0].arms", "4 is no list"),
    "arm": (step(split="a", arms=["x"]), "drip.steps[0].arms[0]", "'x' is no table"),
    "arm's field": (step(split="a", arms=[{"nam": "x"}]), "drip.steps[0].arms[0]", "did you mean name?"),
    "weight": (step(split="a", arms=[{"name": "x", "weight": "2"}]), "drip.steps[0].arms[0]", "'2' is no int"),
    "half weight": (step(split="a", arms=[{"name": "x", "weight": 0.5}]), "drip.steps[0].arms[0]", "0.5 is no int"),
    "event": (step(wait_for="a", event=3, timeout="1d"), "drip.steps[0].event", "3 is no table"),
    "event's name": (step(wait_for="a", event="Order", timeout="1d"), "", "'Order'"),
    "event's field": (step(wait_for="a", event={"evnt": "x"}, timeout="1d"), "drip.steps[0].event", "mean event?"),
    "where": (step(wait_for="a", event={"event": "x", "where": 1}, timeout="1d"), "drip.steps[0].event.where", "1"),
    "trigger": ({"trigger": {"evnt": "seen"}}, "drip.trigger", "'evnt' is none of event, date, cron, call; did you"),
    "trigger's type": ({"trigger": 3}, "drip.trigger", "3 is no table"),
    "trigger's date": ({"trigger": {"date": "born", "offset": "soon"}}, "trigger.offset", "'soon' is no offset"),
    "called by": ({"trigger": {"call": "robot"}}, "drip.trigger", "robot"),
    "exits": ({"exits": "order_placed"}, "drip.exits", "is no list"),
    "exit": ({"exits": [{"event": "x", "wher": {}}]}, "drip.exits[0]", "did you mean where?"),
    "policy": ({"policy": "restrat"}, "drip.policy", "none of ignore, restart, parallel; did you mean restart?"),
    "reentry": ({"reentry": {"when": "often"}}, "drip.reentry.when", "'often' is none of once, every, interval"),
    "reentry's type": ({"reentry": "every"}, "drip.reentry", "'every' is no table"),
    "campaign's field": ({"triger": "x"}, "'drip'", "'triger' is no part of a campaign; did you mean trigger?"),
    "priority": ({"priority": "3"}, "drip.priority", "'3' is no int"),
    "campaign's fields": ({"fields": 3}, "drip.fields", "3 is no table"),
    "audience": ({"audience": 3}, "drip.audience", "3"),
    "goal": ({"goal": {"event": "x", "wihtin": "1d"}}, "drip.goal", "did you mean within?"),
    "goals": ({"goals": {"event": "x"}}, "drip.goals", "is no list"),
    "graph": ({"steps": [SEND, SEND]}, "'drip'", "two steps are called 'hello'"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_read_is_said_with_its_place_and_what_is_meant(name):
    changed, place, words = WRONG[name]
    with pytest.raises(CRMError) as caught:
        campaign_of(WHOLE | changed)
    assert place in str(caught.value)
    assert words in str(caught.value)


def test_an_event_may_be_its_name_alone():
    wanted = {"wait_for": "opens", "event": "app_opened", "timeout": "1d"}
    said = campaign_of(WHOLE | {"steps": [wanted, SEND], "trigger": "signed_up"})
    long = [{**wanted, "event": {"event": "app_opened"}}, SEND]
    assert said == campaign_of(WHOLE | {"steps": long, "trigger": {"event": "signed_up"}})


def test_a_campaign_without_a_name_is_refused_as_one():
    with pytest.raises(InvalidCampaign, match="name is missing"):
        campaign_of({name: value for name, value in WHOLE.items() if name != "name"})


def test_what_is_not_said_of_steps_is_not_written():
    assert data_of(campaign_of(WHOLE))["steps"] == [{"send": "hello", "template": "t", "channels": ["note"]}]


def test_an_empty_campaign_of_words_is_no_campaign():
    with pytest.raises(InvalidCampaign, match="channel and template are missing; or say steps"):
        Campaign(name="drip", purpose="retention", audience="all")
