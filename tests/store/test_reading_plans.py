"""What is read of a campaign of steps is read by an index, and the events of each customer from its message on."""

from __future__ import annotations

import pytest

from crmcore.model.building import everyone
from crmcore.model.campaign import Campaign, Goal
from crmcore.model.steps import Arm, Send, Split, Wait
from crmcore.model.time import DAY
from crmcore.store import journeys, reports, runs
from tests.store.planning import scans, statements, steps

pytestmark = pytest.mark.untouched


@pytest.fixture
def walked(crm):
    for number in range(3):
        crm.identify(str(number), {"email": f"{number}@example.com"})
    crm.save_template("hello", "note", {"text": "hello {{ customer.key }}"})
    course = (
        Split(name="parts", arms=[Arm(name="a"), Arm(name="b")]),
        Send(name="hello", template="hello", channels="note", holdout=0.3),
        Wait(name="later", lasting="1d"),
    )
    said = {"purpose": "service", "audience": everyone(), "holdout": 0.3, "goal": Goal(event="order_placed")}
    crm.launch(Campaign(name="c", trigger="signed_up", steps=course, **said))
    crm.track_many({"name": "signed_up", "customer": str(number)} for number in range(3))
    crm.work()
    return crm


@pytest.mark.parametrize(
    "act",
    [lambda crm: crm.report("c"), lambda crm: crm.explain("c", "1"), lambda crm: crm.outline("c")],
    ids=["report", "explain", "outline"],
)
def test_nothing_scans_a_big_table(walked, act):
    with statements(walked) as seen:
        act(walked)
    assert seen
    assert scans(walked, seen) == []


def test_the_events_of_each_customer_are_looked_up_from_its_message_on(walked, store):
    if store != "sqlite":
        pytest.skip("PostgreSQL knows how many rows there are, and chooses by that")
    with statements(walked) as seen:
        walked.report("c", days=365)
    read = [step for run, step in steps(walked, seen) if step.table == "crm_event" and "occurred_at" in run]
    # Conversions and amounts of the campaign, of the step that holds out, of the split; and those due to messages.
    assert len(read) == 7
    assert all({"customer_id", "name", "occurred_at"} <= step.columns for step in read)


def test_messages_of_other_campaigns_are_looked_up_by_customer_and_time(walked, store):
    if store != "sqlite":
        pytest.skip("the same")
    with statements(walked) as seen, walked._opened.reading() as scope:
        found = runs.latest(scope, "c")
        journeys.others(scope, found, reports.passed(scope, found), DAY)
    assert "ix_delivery_handed" in {step.index for _, step in steps(walked, seen[-1:])}


def test_what_is_told_of_one_customer_is_looked_up_by_the_customer(walked, store):
    if store != "sqlite":
        pytest.skip("the same")
    with statements(walked) as seen:
        walked.explain("c", "1")
    read = [step for _, step in steps(walked, seen) if step.table in ("crm_delivery", "crm_enrolment", "crm_refusal")]
    assert {step.table for step in read} == {"crm_delivery", "crm_enrolment", "crm_refusal"}
    assert all("customer_id" in step.columns for step in read)
