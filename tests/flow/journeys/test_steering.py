"""A run that stood still now and then sends what it would have sent anyhow; one that is cancelled, a part of it."""

from __future__ import annotations

from collections import Counter
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmcore.flow.journeys.ways import Wish
from crmcore.model.happens import Happens
from crmcore.model.steps import Arm, Split, WaitUntil
from crmcore.store import bulk, enrolments, runs, schema
from tests.flow.journeys.travelling import journey, people, send, wait

NUMBERS = count()
PEOPLE, KEYS = ("ada", "bob", "cyd"), ("a", "b")
#: After so many days of work everybody is at the end.
LONGEST = 8
COURSES = [
    (send("hello"), wait("1d"), send("tips"), wait("2d"), send("offer")),
    (wait("3h"), send("hello"), WaitUntil(name="nine", at="09:00", weekdays="mon"), send("tips"), send("offer")),
    (Split(name="parts", arms=[Arm(name="a"), Arm(name="b", then="tips")]), send("hello"), wait("1h"), send("tips")),
]
turns = st.tuples(st.just("turn"), st.sampled_from(["1m", "59m", "3h", "1d", "2d"]))
updates = st.tuples(st.just("track"), st.sampled_from(PEOPLE), st.sampled_from(KEYS))
works = st.tuples(st.just("work"), st.sampled_from([None, 0, 1]))
steered = st.sampled_from([("pause",), ("resume",)])
scripts = st.lists(st.one_of(turns, updates, works, steered), max_size=14)
laws = settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))


def begin(crm, course):
    """Launch the same campaign twice: the one that is steered, and the one that is left alone."""
    people(crm, *PEOPLE)
    for name in ("hello", "tips", "offer"):
        crm.save_template(name, "note", {"text": f"{{{{ campaign.name }}}} {name} {{{{ customer.key }}}}"})
    for name in ("steered", "alone"):
        trigger = Happens(event="cart_updated", key="ref")
        said = {"name": name, "fields": {"name": name}, "expires": "365d", "trigger": trigger}
        crm.launch(journey(*course, **said), seed=7)


def act(crm, clock, state, one):
    match one:
        case ("turn", by):
            clock.turn(by)
        case ("track", name, key):
            crm.track("cart_updated", name, ref=key)
        case ("work", limit):
            crm.work(limit=limit)
        case ("pause",) if state == "running":
            crm.pause("steered")
            return "paused"
        case ("resume",) if state == "paused":
            crm.resume("steered")
            return "running"
    return state


def run(crm, clock, state, script):
    for one in script:
        state = act(crm, clock, state, one)
    return state


def finish(crm, clock):
    for _ in range(LONGEST):
        crm.work()
        clock.turn("1d")
    crm.work()


def sent(recorder):
    """How often each step of each campaign went to each customer."""
    found = {"steered": Counter(), "alone": Counter()}
    for one in recorder.sent:
        campaign, said = one.body.decode().split(" ", 1)
        found[campaign][said] += 1
    return found


def under_way(crm, campaign):
    with crm._opened.reading() as scope:
        rows = bulk.select_in(scope, schema.enrolment, ("state", "due_at"), {}, "run_id", [crm.report(campaign).run_id])
    return [row for row in rows if row.state == "running" or row.due_at is not None]


def cut(*_args, **_given):
    raise KeyboardInterrupt


def is_balanced(report):
    parts = (report.sent, report.waiting, report.in_doubt, sum(report.failed.values()), sum(report.skipped.values()))
    return sum(parts) == report.eligible


@laws
@given(st.sampled_from(COURSES), scripts)
def test_a_run_that_stood_still_sends_what_it_would_have_sent(open_crm, clock, recorder, course, script):
    recorder.sent.clear()
    crm = open_crm(f"paused-{next(NUMBERS)}.db")
    begin(crm, course)
    if run(crm, clock, "running", script) == "paused":
        before = sent(recorder)["steered"]
        finish(crm, clock)
        assert sent(recorder)["steered"] == before
        crm.resume("steered")
    finish(crm, clock)
    found = sent(recorder)
    assert found["steered"] == found["alone"]
    assert under_way(crm, "steered") == []


@laws
@given(st.sampled_from(COURSES), scripts, scripts)
def test_a_run_that_is_cancelled_sends_a_part_of_it_and_nothing_more(open_crm, clock, recorder, course, script, later):
    recorder.sent.clear()
    crm = open_crm(f"cancelled-{next(NUMBERS)}.db")
    begin(crm, course)
    run(crm, clock, "running", script)
    crm.cancel("steered")
    before = sent(recorder)["steered"]
    assert under_way(crm, "steered") == []
    run(crm, clock, "cancelled", later)
    finish(crm, clock)
    found = sent(recorder)
    assert found["steered"] == before
    assert found["steered"] <= found["alone"]
    report = crm.report("steered")
    assert is_balanced(report)
    assert (report.waiting, under_way(crm, "steered")) == (0, [])


def test_a_cancel_that_was_cut_short_is_ended_by_the_next_work(crm, recorder, monkeypatch):
    begin(crm, COURSES[0])
    crm.cancel("alone")
    crm.track("cart_updated", "ada", ref="a")
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(enrolments, "end_all", cut)
        crm.cancel("steered")
    assert len(under_way(crm, "steered")) == 1
    crm.work()
    assert under_way(crm, "steered") == []
    assert sent(recorder) == {"steered": {}, "alone": {}}


def test_whoever_was_entering_while_the_run_was_cancelled_is_under_way_no_more(crm):
    begin(crm, COURSES[0])

    def enter(scope):
        run = runs.latest(scope, "steered")
        runs.move(scope, run.id, "cancelled")
        wish = Wish(customer_id=crm.customer("ada").id, origin_id=crm.customer("ada").id, key="a", at=scope.now)
        crm._opened.entering.enter(scope, run, [wish])

    crm._opened.write(enter)
    assert len(under_way(crm, "steered")) == 1
    crm.work()
    assert under_way(crm, "steered") == []
