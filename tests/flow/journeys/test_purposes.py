"""A step may have a purpose and a topic of its own: who is held out, and what a link withdraws, goes by these."""

from __future__ import annotations

import pytest

from crmcore import CRM
from crmcore.loader import installed
from tests.flow.journeys.travelling import journey, people, said, send, templates, wait

EVERYBODY = [f"c{number}" for number in range(40)]


@pytest.fixture
def crm(new_database, recorder, clock):
    given = {"plugins": {"recorder": recorder}, "blocked": installed()}
    with CRM(new_database("half.db"), clock=clock, policy={"holdout": 0.5}, **given) as crm:
        yield crm


def test_whom_no_marketing_is_sent_to_gets_none_of_a_transactional_campaign_either(crm, recorder):
    people(crm, *EVERYBODY)
    templates(crm, "receipt", "offer")
    crm.launch(journey(send("receipt"), send("offer", purpose="retention"), purpose="transactional"))
    crm.work()
    receipts, offers = ([one for one in said(recorder) if one.startswith(name)] for name in ("receipt", "offer"))
    assert len(receipts) == len(EVERYBODY)
    assert 0 < len(offers) < len(EVERYBODY)
    assert crm.report("journey").skipped == {"global_holdout": len(EVERYBODY) - len(offers)}


def test_whoever_is_held_out_gets_the_transactional_steps(crm, recorder):
    people(crm, *EVERYBODY)
    templates(crm, "receipt", "offer")
    crm.launch(journey(send("offer"), send("receipt", purpose="transactional")))
    crm.work()
    assert len([one for one in said(recorder) if one.startswith("receipt")]) == len(EVERYBODY)


@pytest.fixture
def linked(open_crm, recorder, clock):
    """A customer who wants two topics, and a campaign about one of them with a step about the other."""
    crm = open_crm()
    people(crm, "ann")
    for topic in ("news", "tips"):
        crm.subscribe("ann", topic)
    for name in ("news", "tips"):
        crm.save_template(name, "note", {"text": f"{name} {{{{ links.unsubscribe }}}}"})
    crm.launch(
        journey(
            send("tips", topic="tips"),
            wait("1d"),
            send("more", template="tips", topic="tips"),
            send("news"),
            topic="news",
        )
    )
    crm.work()
    return crm, said(recorder)[0].rpartition("/")[2]


def test_a_link_withdraws_the_wish_for_the_topic_of_its_step(linked, recorder, clock):
    crm, token = linked
    assert crm.check_unsubscribe(token).topic == "tips"
    crm.unsubscribe(token)
    clock.turn("1d")
    crm.work()
    assert [one.partition(" ")[0] for one in said(recorder)] == ["tips", "news"]


def test_a_link_withdraws_what_its_message_was_about_whatever_the_campaign_says_by_now(linked, recorder, clock):
    crm, token = linked
    crm.revise(journey(send("tips"), send("news"), topic="news"))
    assert crm.check_unsubscribe(token).topic == "tips"
