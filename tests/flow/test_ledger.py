"""The ledger in use: runs paused, resumed, cancelled and tried again; doubts settled; one bad message stops no other."""

from __future__ import annotations

from collections import Counter

import pytest

from crmcore import CRM
from crmcore.errors import InvalidValue, NotInDoubt, RunState, UnknownCampaign
from crmcore.hooks.channel import Unrendered
from crmcore.hooks.provider import Accepted, InDoubt, Permanent, Retry
from crmcore.loader import installed
from crmcore.model.time import MINUTE
from crmcore.store import claims
from crmcore.testing.fakes import Notes, Recorder, accept
from tests.flow.test_campaign import balanced, made, people


def states(crm):
    return Counter(one.state for one in crm.deliveries("hello"))


def fail(message):
    return Permanent(delivery_id=message.delivery_id, fault="content", code="554")


def doubt(message):
    return InDoubt(delivery_id=message.delivery_id, evidence="the line was cut")


def test_a_paused_campaign_hands_nothing_over_until_it_goes_on(crm, recorder):
    people(crm, 3)
    crm.launch(made())
    crm.pause("hello")
    crm.work()
    assert recorder.sent == []
    assert states(crm) == {"planned": 3}
    crm.resume("hello")
    crm.work()
    assert states(crm) == {"accepted": 3}


def test_what_was_claimed_when_a_campaign_is_paused_is_given_back(crm, recorder, clock):
    people(crm, 120)
    crm.launch(made())
    recorder.answer = lambda message: (crm.pause("hello") if len(recorder.sent) == 1 else None, accept(message))[1]
    crm.work()
    assert 0 < len(recorder.sent) <= 50
    assert states(crm) == {"accepted": len(recorder.sent), "planned": 120 - len(recorder.sent)}


def test_a_cancelled_campaign_sends_nothing_more_and_its_books_balance(crm, recorder):
    people(crm, 3)
    crm.launch(made())
    crm.work(limit=1)
    assert crm.cancel("hello") == 2
    crm.work()
    assert states(crm) == {"accepted": 1, "cancelled": 2}
    assert balanced(crm.report("hello"))


def test_only_what_failed_is_tried_again(crm, recorder):
    people(crm, 4)
    crm.launch(made())
    recorder.answer = lambda message: fail(message) if len(recorder.sent) % 2 else accept(message)
    crm.work()
    assert states(crm) == {"accepted": 2, "failed": 2}
    failed = {one.customer_id for one in crm.deliveries("hello", "failed")}
    recorder.sent.clear()
    recorder.answer = accept
    assert crm.retry("hello") == 2
    crm.work()
    assert states(crm) == {"accepted": 4}
    assert {one.customer_id for one in crm.deliveries("hello") if one.attempt == 2} == failed


@pytest.mark.parametrize(
    ("outcome", "state"), [("accepted", "accepted"), ("failed", "failed"), ("cancelled", "cancelled")]
)
def test_a_doubt_is_settled_by_hand(crm, recorder, outcome, state):
    people(crm, 1)
    crm.launch(made())
    recorder.answer = doubt
    crm.work()
    [one] = crm.deliveries(state="in_doubt")
    assert (one.campaign, one.reason) == ("hello", "the line was cut")
    crm.settle(one.id, outcome, "asked the customer")
    [after] = crm.deliveries("hello")
    assert (after.state, after.reason) == (state, "asked the customer")
    with pytest.raises(NotInDoubt):
        crm.settle(one.id, "accepted")


def test_a_doubt_may_be_sent_again_under_the_same_key(crm, recorder):
    people(crm, 1)
    crm.launch(made())
    recorder.answer = doubt
    crm.work()
    [one] = crm.deliveries(state="in_doubt")
    recorder.answer = accept
    crm.settle(one.id, "again")
    crm.work()
    first, second = recorder.sent
    assert (first.message_key, first.body) == (second.message_key, second.body)
    assert second.attempt == 2
    assert states(crm) == {"accepted": 1}


def test_what_a_campaign_has_come_to_is_said_where_it_is_in_the_way(crm):
    people(crm, 1)
    crm.launch(made())
    with pytest.raises(RunState, match="running and cannot be resumed"):
        crm.resume("hello")
    crm.work()
    with pytest.raises(RunState, match="finished and cannot be paused"):
        crm.pause("hello")
    with pytest.raises(RunState, match="finished and cannot be cancelled"):
        crm.cancel("hello")
    with pytest.raises(UnknownCampaign):
        crm.retry("nothing")
    with pytest.raises(InvalidValue):
        crm.deliveries()


def test_a_message_that_cannot_be_made_stops_no_other(crm, recorder, monkeypatch):
    people(crm, 5)
    crm.launch(made())
    channel = crm.registry.channel("note")
    usual = channel.render

    def poisoned(compiled, drafts):
        if any(one.context["customer"]["key"] == "2" for one in drafts):
            raise ZeroDivisionError
        return usual(compiled, drafts)

    monkeypatch.setattr(channel, "render", poisoned)
    crm.work()
    assert states(crm) == {"accepted": 4, "failed": 1}


def test_asked_to_stop_it_finishes_the_window_and_gives_back_what_it_claimed(crm, recorder):
    people(crm, 120)
    crm.launch(made())
    crm.work(stop=lambda: bool(recorder.sent))
    assert len(recorder.sent) == 50
    assert states(crm) == {"accepted": 50, "planned": 70}
    crm.work()
    assert states(crm) == {"accepted": 120}


def test_who_is_interrupted_while_sending_keeps_what_was_answered(crm, recorder):
    people(crm, 3)
    crm.launch(made())

    def interrupted(message):
        if len(recorder.sent) == 1:
            raise KeyboardInterrupt
        return accept(message)

    recorder.answer = interrupted
    with pytest.raises(KeyboardInterrupt):
        crm.work()
    assert states(crm) == {"accepted": 1, "in_doubt": 2}


def test_no_more_than_a_window_is_handed_over_at_once(open_crm, recorder, crm):
    people(crm, 60)
    crm.launch(made())
    seen = []
    recorder.answer = lambda message: (seen.append(states(crm)["handed"]), accept(message))[1]
    crm.work()
    assert max(seen) == 50


def test_a_lease_is_renewed_while_messages_are_under_way(crm, recorder, clock):
    people(crm, 3)
    crm.launch(made())

    def slow(message):
        clock.turn("6m")
        crm._opened.write(claims.recover)
        return accept(message)

    recorder.answer = slow
    crm.work()
    assert states(crm) == {"accepted": 3}


def test_an_answer_that_comes_after_the_lease_settles_the_doubt(crm, recorder, clock):
    people(crm, 1)
    crm.launch(made())

    def late(message):
        clock.turn("11m")
        crm._opened.write(claims.recover)
        assert states(crm) == {"in_doubt": 1}
        return Accepted(delivery_id=message.delivery_id)

    recorder.answer = late
    crm.work()
    assert states(crm) == {"accepted": 1}


def test_what_another_process_has_taken_over_is_left_to_it(crm, recorder, clock):
    people(crm, 1)
    crm.launch(made(purpose="service"))

    def taken_over(message):
        if len(recorder.sent) == 0:
            recorder.sent.append(message)
            clock.turn("11m")
            recorder.answer = accept
            crm.work()
        return Permanent(delivery_id=message.delivery_id, fault="content")

    recorder.answer = taken_over
    crm.work()
    assert states(crm) == {"accepted": 1}


def test_a_run_whose_channel_is_not_there_keeps_no_other_waiting(new_database, clock, recorder):
    url, blocked = new_database("crm.db"), installed()
    texts = Recorder(notes=Notes("text", address_kinds=frozenset({"phone"})))
    with CRM(url, clock=clock, plugins={"recorder": recorder, "texts": texts}, blocked=blocked) as crm:
        people(crm, 2)
        crm.save_template("hello", "text", {"text": "Hello"})
        crm.identify_many({"customer": str(n), "attributes": {"phone": f"+44123{n}"}} for n in range(2))
        crm.launch(made(name="texts", channel="text", purpose="service"))
        crm.launch(made())
    with CRM(url, clock=clock, plugins={"recorder": recorder}, blocked=blocked) as crm:
        crm.work()
        assert states(crm) == {"accepted": 2}
        assert Counter(one.state for one in crm.deliveries("texts")) == {"planned": 2}


def test_stats_say_for_how_long_the_oldest_has_waited(crm, clock):
    people(crm, 1)
    crm.launch(made())
    clock.turn("5m")
    assert (crm.stats().due, crm.stats().due_lag) == (1, 5 * MINUTE)
    crm.work()
    assert (crm.stats().due, crm.stats().due_lag, crm.stats().pending_lag) == (0, 0, 0)


def test_stats_count_what_stands_still_and_what_waits_until_later_apart(crm, clock, recorder):
    people(crm, 3)
    crm.launch(made(name="still"))
    crm.pause("still")
    recorder.answer = lambda message: Retry(delivery_id=message.delivery_id, after=600, scope="recipient")
    crm.launch(made(name="goes"))
    crm.work(limit=1)
    found = crm.stats()
    assert (found.due, found.standing_still, found.later) == (2, 3, 1)
    [deferred] = crm.deliveries("goes", "deferred")
    assert found.later_at == deferred.due_at > crm.now()


def test_work_says_what_became_of_how_many(crm, recorder):
    people(crm, 4, consent=False)
    crm.consent_many({"customer": str(n), "purpose": "retention"} for n in range(3))
    told = iter([Permanent, Retry, Accepted])
    kinds = {Permanent: {"fault": "content", "code": "no"}, Retry: {"after": 600, "scope": "recipient"}, Accepted: {}}

    def answer(message):
        kind = next(told)
        return kind(delivery_id=message.delivery_id, **kinds[kind])

    recorder.answer = answer
    crm.launch(made())
    worked = crm.work()
    assert (worked.deliveries, worked.sent, worked.failed, worked.skipped) == (4, 1, 1, 1)


def test_the_latest_run_of_each_campaign_has_its_state(crm, clock):
    people(crm, 1)
    crm.launch(made(name="once"))
    crm.work()
    clock.turn("1m")
    crm.launch(made(name="twice"))
    crm.work()
    clock.turn("1m")
    crm.launch(made(name="twice"))
    crm.pause("twice")
    assert [(one.campaign, one.state) for one in crm.runs()] == [("once", "finished"), ("twice", "paused")]
    assert crm.runs()[1].started_at == crm.now()
    assert (crm.report("once").state, crm.report("twice").state) == ("finished", "paused")


def test_a_message_that_cannot_be_made_is_left_to_whoever_has_it_by_now(crm, recorder, clock, monkeypatch):
    people(crm, 1)
    crm.launch(made())
    channel = crm.registry.channel("note")
    usual = channel.render

    def slow_and_broken(_compiled, drafts):
        clock.turn("11m")
        crm._opened.write(claims.recover)
        [run_id] = crm._opened.write(claims.due_runs)
        crm._opened.write(lambda scope: claims.claim(scope, run_id, "other", limit=1, lease_until=scope.now + MINUTE))
        monkeypatch.setattr(channel, "render", usual)
        return [Unrendered(delivery_id=one.delivery_id, problem="it is broken") for one in drafts]

    monkeypatch.setattr(channel, "render", slow_and_broken)
    crm.work()
    assert states(crm) == {"claimed": 1}
    clock.turn("2m")
    crm.work()
    assert states(crm) == {"accepted": 1}
