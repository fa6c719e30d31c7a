"""A campaign changes while customers are on their way."""

from __future__ import annotations

import pytest

from crmcore.errors import InvalidCampaign, RunState, UnknownCampaign
from crmcore.model.building import event
from crmcore.model.steps import WaitFor
from tests.flow.journeys.travelling import journey, people, said, send, templates, wait


@pytest.fixture
def on_the_way(crm):
    """Ada waits for three days, then gets `tips`."""
    people(crm, "ada", "bob")
    templates(crm, "hello", "tips", "news", "offer")
    crm.launch(journey(wait("3d"), send("tips"), trigger="signed_up"))
    crm.track("signed_up", "ada")
    crm.work()


CHANGED = (wait("3d"), send("news"), send("offer"))


def test_who_is_under_way_stays_on_its_version_and_who_enters_later_goes_the_new_way(crm, clock, recorder, on_the_way):
    revised = crm.revise(journey(*CHANGED, trigger="signed_up"))
    assert (revised.version, revised.moved, revised.staying) == (2, 0, 1)
    crm.track("signed_up", "bob")
    crm.work()
    clock.turn("3d")
    crm.work()
    assert sorted(said(recorder)) == ["news bob", "offer bob", "tips ada"]


def test_by_a_map_those_under_way_go_over_and_wait_until_the_time_they_were_told(crm, clock, recorder, on_the_way):
    clock.turn("1d")
    revised = crm.revise(journey(*CHANGED, trigger="signed_up"), moves={})
    assert (revised.moved, revised.staying) == (1, 0)
    clock.turn("1d")
    crm.work()
    assert said(recorder) == []
    clock.turn("1d")
    crm.work()
    assert said(recorder) == ["news ada", "offer ada"]


def test_who_is_moved_to_a_step_that_does_not_wait_comes_to_it_at_once(crm, recorder, on_the_way):
    crm.revise(journey(*CHANGED, trigger="signed_up"), moves={"wait_3d": "offer"})
    crm.work()
    assert said(recorder) == ["offer ada"]


def test_who_is_moved_to_the_end_gets_nothing_more(crm, clock, recorder, on_the_way):
    crm.revise(journey(*CHANGED, trigger="signed_up"), moves={"wait_3d": "end"})
    clock.turn("4d")
    crm.work()
    assert said(recorder) == []


def test_a_step_at_which_somebody_stands_cannot_vanish_without_a_word(crm, clock, recorder, on_the_way):
    with pytest.raises(InvalidCampaign, match="1 customers stand at 'wait_3d'"):
        crm.revise(journey(send("news"), trigger="signed_up"), moves={})
    clock.turn("3d")
    crm.work()
    assert said(recorder) == ["tips ada"]


def test_moves_lead_to_steps_there_are(crm, on_the_way):
    with pytest.raises(InvalidCampaign, match="'nws', which is no step"):
        crm.revise(journey(*CHANGED, trigger="signed_up"), moves={"wait_3d": "nws"})


def test_what_those_on_an_earlier_version_wait_for_lets_them_go_on(crm, recorder):
    people(crm, "ada")
    templates(crm, "hello", "news")
    waiting = WaitFor(name="opens", event=event("app_opened"), timeout="9d", otherwise="end")
    crm.launch(journey(waiting, send("hello"), trigger="signed_up"))
    crm.track("signed_up", "ada")
    crm.work()
    crm.revise(journey(send("news"), trigger="signed_up"))
    crm.track("app_opened", "ada")
    crm.work()
    assert said(recorder) == ["hello ada"]


def test_only_a_campaign_that_is_running_is_revised(crm, on_the_way):
    with pytest.raises(UnknownCampaign):
        crm.revise(journey(*CHANGED, name="other"))
    crm.cancel("journey")
    with pytest.raises(RunState):
        crm.revise(journey(*CHANGED))
