"""Runs steered while others work on them: none is finished with something left of it, and a cancelled one comes to an end."""

from __future__ import annotations

from itertools import cycle

import pytest
from sqlalchemy import event

from crmcore.errors import RunState
from crmcore.flow import steering
from crmcore.hooks.provider import NotStarted, Retry
from crmcore.model.time import MINUTE
from crmcore.store import claims, deliveries, moves, runs
from crmcore.testing.fakes import accept
from tests.flow.test_campaign import balanced, made, people
from tests.flow.test_ledger import doubt, fail, states


def state_of(crm):
    with crm._opened.reading() as scope:
        return runs.latest(scope, "hello").state


def claim(crm, owner="other"):
    """Claim what is due, as a process does that then dies, or takes its time."""

    def taken(scope):
        [run_id] = claims.due_runs(scope)
        return claims.claim(scope, run_id, owner, limit=100, lease_until=scope.now + MINUTE)

    return crm._opened.write(taken)


@pytest.fixture
def two_writers(store):
    if store == "sqlite":
        pytest.skip("SQLite has one writer at a time")


@pytest.mark.usefixtures("two_writers")
def test_a_delivery_that_is_never_where_one_is_just_looking_is_found_all_the_same(crm, open_crm):
    people(crm, 1)
    crm.launch(made())
    other = open_crm()
    [one] = claim(other)
    turns = cycle(
        [lambda: claim(other), lambda: other._opened.write(lambda scope: claims.release(scope, "other", [one.id]))]
    )
    other._opened.write(lambda scope: claims.release(scope, "other", [one.id]))

    def asked(scope):
        event.listen(scope.connection, "before_cursor_execute", lambda *_: next(turns)())
        return deliveries.waits(scope, one.run_id)

    assert crm._opened.write(asked)


def again(crm):
    for one in crm.deliveries(state="in_doubt"):
        crm.settle(one.id, "again")


#: What is done to a run whose deliveries came to `answer`, the state it then has, and how many of two go in the end.
STEERING = {
    "retry": (fail, lambda crm: crm.retry("hello"), "running", 2),
    "settle": (doubt, again, "running", 2),
    "cancel": (fail, lambda crm: crm.cancel("hello"), "cancelled", 0),
    "pause": (fail, lambda crm: crm.pause("hello"), "paused", 0),
}


@pytest.mark.usefixtures("two_writers")
@pytest.mark.parametrize("verb", STEERING)
def test_a_run_that_is_steered_just_before_it_is_found_to_be_over_is_not_finished(
    crm, open_crm, recorder, monkeypatch, verb
):
    recorder.answer, steer, state, count = STEERING[verb]
    people(crm, 2)
    crm.launch(made())
    other, waits, steps = open_crm(), deliveries.waits, [steer]

    def steered_then(scope, run_id):
        found = waits(scope, run_id)
        if steps and not found:
            steps.pop()(other)
        return found

    monkeypatch.setattr(deliveries, "waits", steered_then)
    crm.work()
    assert state_of(crm) == state
    recorder.answer = accept
    other.work()
    assert states(crm)["accepted"] == count


def once_looked_up(monkeypatch, act):
    """Do something as soon as a run has been looked up for the first time."""
    latest, steps = runs.latest, [act]

    def looked_up(scope, campaign):
        found = latest(scope, campaign)
        if steps:
            steps.pop()()
        return found

    monkeypatch.setattr(runs, "latest", looked_up)


@pytest.mark.usefixtures("two_writers")
@pytest.mark.parametrize("verb", ["pause", "cancel"])
def test_a_run_that_is_finished_while_it_is_looked_up_is_not_steered_any_more(crm, open_crm, monkeypatch, verb):
    people(crm, 1)
    crm.launch(made())
    once_looked_up(monkeypatch, open_crm().work)
    with pytest.raises(RunState, match="finished"):
        STEERING[verb][1](crm)
    assert (state_of(crm), states(crm)) == ("finished", {"accepted": 1})


@pytest.mark.usefixtures("two_writers")
def test_a_run_that_is_cancelled_while_it_is_looked_up_is_not_resumed(crm, open_crm, monkeypatch):
    people(crm, 1)
    crm.launch(made())
    crm.pause("hello")
    other = open_crm()
    once_looked_up(monkeypatch, lambda: other.cancel("hello"))
    with pytest.raises(RunState, match="cancelled and cannot be resumed"):
        crm.resume("hello")
    assert (state_of(crm), states(crm)) == ("cancelled", {"cancelled": 1})


def test_a_run_tried_again_goes_out_though_another_process_works_before_each_transaction(
    crm, open_crm, recorder, monkeypatch
):
    monkeypatch.setattr(steering, "BATCH", 1)
    people(crm, 3)
    crm.launch(made())
    recorder.answer = fail
    crm.work()
    recorder.answer, other = accept, open_crm()
    event.listen(crm._opened.engine, "begin", lambda _: other.work())
    assert crm.retry("hello") == 3
    other.work()
    assert (state_of(other), states(other)) == ("finished", {"accepted": 3})


def test_trying_again_ends_though_another_process_fails_again_at_once(crm, open_crm, recorder):
    people(crm, 3)
    crm.launch(made())
    recorder.answer = fail
    crm.work()
    other, rounds = open_crm(), []
    event.listen(crm._opened.engine, "begin", lambda _: (rounds.append(1), other.work()) if len(rounds) < 9 else None)
    assert crm.retry("hello") == 3


def test_a_finished_run_of_which_nothing_failed_stays_finished(crm):
    people(crm, 1)
    crm.launch(made())
    crm.work()
    assert crm.retry("hello") == 0
    assert state_of(crm) == "finished"


def cancelled_then(answer):
    """Cancel the run while its messages are under way; each then has an answer."""

    def come_back(crm, recorder, clock):
        del clock
        recorder.answer = lambda message: (None if recorder.sent else crm.cancel("hello"), answer(message))[1]
        crm.work()

    return come_back


def stopped(crm, recorder, clock):
    del clock
    recorder.answer = lambda message: (None if recorder.sent else crm.cancel("hello"), accept(message))[1]
    crm.work(stop=lambda: bool(recorder.sent))


def crashed(crm, recorder, clock):
    del recorder
    claim(crm)
    crm.cancel("hello")
    clock.turn("2m")
    crm.work()


def interrupted(crm, recorder, clock):
    del recorder, clock
    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(moves, "cancel", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        crm.cancel("hello")
    crm.work()


COMING_BACK = {
    "to be retried": cancelled_then(lambda message: Retry(delivery_id=message.delivery_id, after=60, code="451")),
    "not started": cancelled_then(lambda message: NotStarted(delivery_id=message.delivery_id)),
    "given back by a process that was stopped": stopped,
    "left by a process that died": crashed,
    "never reached as the cancelling was interrupted": interrupted,
}


@pytest.mark.parametrize("way", COMING_BACK)
def test_nothing_waits_in_a_cancelled_run_however_it_came_back(crm, recorder, clock, way):
    people(crm, 120)
    crm.launch(made())
    COMING_BACK[way](crm, recorder, clock)
    assert set(states(crm)) <= {"accepted", "cancelled"}
    report = crm.report("hello")
    assert balanced(report)
    assert (report.waiting, report.skipped) == (0, {"cancelled": states(crm)["cancelled"]})
    recorder.sent.clear()
    clock.turn("1h")
    crm.work()
    assert recorder.sent == []


def test_what_a_process_that_is_gone_left_in_a_cancelled_run_is_ended_though_nothing_else_runs(crm, clock):
    people(crm, 1)
    crm.launch(made())
    claim(crm)
    crm.cancel("hello")
    crm.work()
    assert states(crm) == {"claimed": 1}
    clock.turn("2m")
    crm.work()
    assert states(crm) == {"cancelled": 1}


def test_a_doubt_of_a_cancelled_run_is_not_sent_again(crm, recorder):
    people(crm, 2)
    crm.launch(made())
    recorder.answer = doubt
    crm.work(limit=1)
    crm.cancel("hello")
    [one] = crm.deliveries(state="in_doubt")
    with pytest.raises(RunState, match="cancelled and cannot be sent again"):
        crm.settle(one.id, "again")
    assert states(crm) == {"in_doubt": 1, "cancelled": 1}
