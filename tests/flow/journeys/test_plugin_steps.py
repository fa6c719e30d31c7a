"""A plugin's step in a campaign says where each customer goes, and when."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from crmcore import CRM
from crmcore.errors import InvalidCampaign, UnknownPlugin
from crmcore.hooks.marker import hookimpl
from crmcore.hooks.setup import Setup
from crmcore.hooks.step import Step, Transition
from crmcore.loader import installed
from crmcore.model.steps import Call
from crmcore.model.time import HOUR
from crmcore.store.enrolments import of_customer
from crmcore.store.plans import campaign_of, data_of
from tests.flow.journeys.travelling import days, journey, people, said, send, templates


class Scoring:
    """The step `lead_score`, which answers as it is told; and the plugin that brings it."""

    name = "lead_score"
    contract = 1
    reads = frozenset({"score"})

    def __init__(self):
        self.shown = []
        self.answer = lambda one, now: Transition(enrolment_id=one.enrolment_id)

    @hookimpl
    def crm_register_steps(self, setup: Setup) -> Sequence[Step]:
        return [self]

    def advance(self, due, settings, *, now):
        self.shown += [(one, settings) for one in due]
        return [self.answer(one, now) for one in due]


def by_score(one, now):
    return Transition(enrolment_id=one.enrolment_id, to="hot" if one.attributes.get("score", 0) > 50 else "")


def an_hour_later(one, now):
    return Transition(enrolment_id=one.enrolment_id, due_at=now + HOUR - 1)


def nowhere(one, now):
    return Transition(enrolment_id=one.enrolment_id, to="hott")


@pytest.fixture
def scoring():
    return Scoring()


@pytest.fixture
def crm(new_database, recorder, clock, scoring):
    plugins = {"recorder": recorder, "scoring": scoring}
    with CRM(new_database("crm.db"), clock=clock, plugins=plugins, blocked=installed()) as crm:
        templates(crm, "hello", "call_them")
        people(crm, "ada", score=80)
        people(crm, "bob", score=10)
        yield crm


def score(**changes) -> Call:
    return Call(**{"name": "score", "step": "lead_score"} | changes)


PARTED = (score(ways={"hot": "call_them"}), send("hello", then="end"), send("call_them"))


def test_whoever_it_says_no_word_of_goes_on_to_the_following_step(crm, recorder):
    crm.launch(journey(score(), send("hello")))
    crm.work()
    assert said(recorder) == ["hello ada", "hello bob"]


def test_whoever_it_says_no_word_of_goes_to_the_step_that_then_names(crm, recorder):
    crm.launch(journey(score(then="call_them", ways={"cold": "hello"}), send("hello", then="end"), send("call_them")))
    crm.work()
    assert said(recorder) == ["call_them ada", "call_them bob"]


def test_by_a_word_customers_go_to_the_step_it_leads_to(crm, recorder, scoring):
    scoring.answer = by_score
    crm.launch(journey(*PARTED))
    crm.work()
    assert sorted(said(recorder)) == ["call_them ada", "hello bob"]


def test_a_word_may_lead_to_the_end(crm, recorder, scoring):
    scoring.answer = by_score
    crm.launch(journey(score(ways={"hot": "end"}), send("hello")))
    crm.work()
    assert said(recorder) == ["hello bob"]


def test_the_way_says_by_which_word_it_went(crm, clock, scoring):
    scoring.answer = by_score
    crm.launch(journey(*PARTED))
    crm.work()
    now = clock.now()
    assert path(crm, "ada") == f"score:hot@{now} call_them@{now}"
    assert path(crm, "bob") == f"score@{now} hello@{now}"


def path(crm, key):
    with crm._opened.reading() as scope:
        return of_customer(scope, crm.customer(key).id)[0].path


def test_nobody_goes_on_before_the_time_it_says(crm, clock, recorder, scoring):
    scoring.answer = an_hour_later
    crm.launch(journey(score(), send("hello")))
    sent = [len(recorder.sent) for _ in days(crm, clock, 3, by="59m")]
    assert sent == [0, 0, 2]
    assert len(scoring.shown) == 2


def test_the_time_it_says_is_rounded_up_to_a_minute(crm, clock, recorder, scoring):
    scoring.answer = lambda one, now: Transition(enrolment_id=one.enrolment_id, due_at=now + 1)
    crm.launch(journey(score(), send("hello")))
    sent = [len(recorder.sent) for _ in days(crm, clock, 3, by="30s")]
    assert sent == [0, 0, 2]


def test_a_time_that_is_over_is_not_waited_for(crm, recorder, scoring):
    scoring.answer = lambda one, now: Transition(enrolment_id=one.enrolment_id, due_at=now)
    crm.launch(journey(score(), send("hello")))
    crm.work()
    assert said(recorder) == ["hello ada", "hello bob"]


def test_it_is_shown_what_it_has_declared_and_its_settings(crm, clock, scoring):
    crm.launch(journey(score(settings={"least": 50}), send("hello")))
    crm.work()
    shown = {one.customer_id: (one.attributes, one.entered_at, settings) for one, settings in scoring.shown}
    assert shown[crm.customer("ada").id] == ({"score": 80}, clock.now(), {"least": 50})


def test_who_is_held_out_goes_the_same_way(crm, recorder, scoring):
    scoring.answer = by_score
    crm.launch(journey(*PARTED, holdout=0.999999))
    crm.work()
    assert len(scoring.shown) == 2
    assert said(recorder) == []
    assert ":hot@" in path(crm, "ada")


def fails(one, now):
    raise ValueError("no model")


BAD = {
    "it raises": (fails, "failed: ValueError: no model"),
    "it says a word there is not": (
        nowhere,
        "'hott', a word for which the campaign names no step; words it has: 'hot'",
    ),
    "it says no word": (lambda one, now: Transition(enrolment_id=one.enrolment_id, to=["hot"]), "['hot'], a word"),
    "it answers for another": (lambda one, now: Transition(enrolment_id=7), "one Transition for each enrolment"),
    "it answers nothing": (lambda one, now: None, "failed: AttributeError"),
    "it says no time": (lambda one, now: Transition(enrolment_id=one.enrolment_id, due_at=1.5), "1.5 for a time"),
    "its time is too late": (lambda one, now: Transition(enrolment_id=one.enrolment_id, due_at=2**63), "for a time"),
}


@pytest.mark.parametrize(("answer", "words"), BAD.values(), ids=BAD)
def test_where_its_answer_is_none_the_campaign_waits_and_says_why(crm, recorder, scoring, answer, words):
    scoring.answer = answer
    crm.launch(journey(*PARTED))
    worked = crm.work()
    [waits] = worked.waiting
    assert (waits.campaign, worked.advanced, said(recorder)) == ("journey", 0, [])
    assert "the step 'lead_score' of a plugin, at 'score'" in waits.problem
    assert words in waits.problem


def test_one_bad_answer_moves_nobody(crm, recorder, scoring):
    scoring.answer = lambda one, now: (by_score if one.attributes["score"] > 50 else nowhere)(one, now)
    crm.launch(journey(*PARTED))
    crm.work()
    assert said(recorder) == []
    assert (path(crm, "ada"), path(crm, "bob")) == ("", "")


def test_two_answers_for_one_are_none(crm, scoring, monkeypatch):
    monkeypatch.setattr(scoring, "advance", lambda due, settings, *, now: [by_score(one, now) for one in (*due, *due)])
    crm.launch(journey(*PARTED))
    assert [one.campaign for one in crm.work().waiting] == ["journey"]


def test_nobody_is_lost_once_it_answers_again(crm, clock, recorder, scoring):
    scoring.answer = fails
    crm.launch(journey(*PARTED))
    crm.work()
    scoring.answer = by_score
    clock.turn("1d")
    worked = crm.work()
    assert (worked.waiting, sorted(said(recorder))) == ((), ["call_them ada", "hello bob"])


def test_other_campaigns_go_on_meanwhile(crm, recorder, scoring):
    scoring.answer = fails
    crm.launch(journey(score(), send("hello")))
    crm.launch(journey(send("call_them"), name="another"))
    worked = crm.work()
    assert ([one.campaign for one in worked.waiting], worked.advanced) == (["journey"], 2)
    assert said(recorder) == ["call_them ada", "call_them bob"]


def test_a_step_that_no_plugin_brings_is_refused_before_the_start(crm):
    with pytest.raises(UnknownPlugin, match="lead_score"):
        crm.launch(journey(score(step="lead_scoring"), send("hello")))


@pytest.mark.parametrize(
    ("ways", "words"),
    [
        ({"hot": "call_thm"}, "leads to 'call_thm', which is no step; is 'call_them' meant"),
        ({"Hot!": "call_them"}, "'Hot!' is no word for a way of 'score'"),
        ({"": "call_them"}, "'' is no word for a way of 'score'"),
        ({}, "no way leads to step 'call_them'"),
        ({"hot": "call_them", "again": "score"}, "'score' go round without a wait"),
    ],
)
def test_ways_that_lead_astray_are_refused(ways, words):
    with pytest.raises(InvalidCampaign, match=words):
        journey(score(ways=ways), send("hello", then="end"), send("call_them"))


def test_plain_data_say_its_ways():
    plain = {"call": "score", "step": "lead_score", "settings": {"least": 50}, "ways": {"hot": "call_them"}}
    campaign = journey(score(settings={"least": 50}, ways={"hot": "call_them"}), *PARTED[1:])
    assert data_of(campaign)["steps"][0] == plain
    assert campaign_of(data_of(campaign)) == campaign


def test_plain_data_say_ways_in_words():
    plain = data_of(journey(*PARTED))
    plain["steps"][0]["ways"] = {"hot": 1}
    with pytest.raises(InvalidCampaign, match=r"expected str @ .*hot"):
        campaign_of(plain)
