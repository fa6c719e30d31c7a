"""What a step posts arrives at the host's address, at least once, under the same key; a campaign reaches nothing private."""

from __future__ import annotations

import json
import logging

import pytest

from crmcore import CRM
from crmcore.errors import InvalidCampaign, SettingsError
from crmcore.flow import posting
from crmcore.loader import installed
from crmcore.model.steps import Webhook
from crmcore.store import webhooks
from crmcore.testing.http_sink import Answer, Drop, HttpSink
from tests.flow.journeys.travelling import journey, people
from tests.store.planning import statements, steps

BLOCKED = installed()


@pytest.fixture
def opening(new_database, clock, recorder):
    """Open a CRM with settings for webhooks."""
    opened = []

    def open_with(**webhooks):
        given = {"webhooks": webhooks} if webhooks else {}
        crm = CRM(new_database("crm.db"), clock=clock, plugins={"recorder": recorder}, blocked=BLOCKED, **given)
        opened.append(crm)
        return crm

    yield open_with
    for crm in opened:
        crm.close()


class Script:
    """Answers one after the other, then as usual."""

    def __init__(self, *answers):
        self.left = list(answers)

    def __call__(self, stage, key):
        return self.left.pop(0) if stage == "taken" and self.left else None


@pytest.fixture
def script():
    return Script()


@pytest.fixture
def sink(script):
    with HttpSink(script) as server:
        yield server


def address(sink) -> str:
    return f"http://127.0.0.1:{sink.port}/hook"


def launch(crm, url, *customers, **changes):
    people(crm, *(customers or ["ada"]))
    step = Webhook(name="tell", url=url, fields={"offer": "ten"})
    crm.launch(journey(step, **changes))


def states(crm) -> list[tuple[str, str]]:
    return [(one.state, one.reason) for one in crm.webhooks()]


def test_what_is_posted_says_of_whom_and_what_and_under_which_key(opening, sink):
    crm = opening(allow_private=True)
    launch(crm, address(sink))
    assert crm.work().posted == 1
    [post] = sink.posts
    [webhook] = crm.webhooks("done")
    said = {"campaign": "journey", "step": "tell", "offer": "ten", "customer": "ada", "key": "", "id": str(webhook.id)}
    assert (post.path, post.key, json.loads(post.body)) == ("/hook", str(webhook.id), said)
    assert (webhook.campaign, webhook.step, webhook.key, webhook.attempt) == ("journey", "tell", "ada", 1)


def test_more_than_a_batch_is_posted_each_once(opening, sink):
    crm = opening(allow_private=True)
    launch(crm, address(sink), *(f"c{number}" for number in range(2 * posting.BATCH + 1)))
    crm.work()
    assert len({one.key for one in sink.posts}) == len(sink.posts) == 2 * posting.BATCH + 1
    assert crm.work().posted == 0


def test_the_held_out_are_not_told_of(opening, sink):
    crm = opening(allow_private=True)
    launch(crm, address(sink), *(f"c{number}" for number in range(20)), holdout=0.5)
    crm.work()
    assert 0 < len(sink.posts) < 20


@pytest.mark.parametrize("fault", [Answer(status=503), Answer(status=408), Answer(status=500), Drop()])
def test_what_does_not_go_through_goes_again_with_the_same_bytes_and_key(opening, sink, script, clock, fault):
    script.left = [fault]
    crm = opening(allow_private=True)
    launch(crm, address(sink))
    crm.work()
    assert [one.state for one in crm.webhooks()] == ["planned"]
    assert crm.work().posted == 0
    clock.turn("1m")
    crm.work()
    assert states(crm) == [("done", "")]
    first, second = sink.posts
    assert first == second


def test_it_goes_again_when_the_other_side_says(opening, sink, script, clock):
    script.left = [Answer(status=429, headers={"Retry-After": "3600"})]
    crm = opening(allow_private=True)
    launch(crm, address(sink))
    crm.work()
    assert [(one.reason, one.due_at - crm.now()) for one in crm.webhooks()] == [("HTTP 429", 3600 * 10**6)]


@pytest.mark.parametrize("status", [400, 401, 404, 410, 301, 302])
def test_a_refusal_is_the_end_of_it(opening, sink, script, clock, status):
    script.left = [Answer(status=status, headers={"Location": address(sink)})]
    crm = opening(allow_private=True)
    launch(crm, address(sink))
    crm.work()
    clock.turn("5h")
    crm.work()
    assert (states(crm), len(sink.posts)) == ([("failed", f"HTTP {status}")], 1)


def test_it_is_not_tried_for_ever(opening, sink, script, clock):
    script.left = [Answer(status=503)] * 100
    crm = opening(allow_private=True)
    launch(crm, address(sink))
    for _ in range(posting.MOST + 3):
        crm.work()
        clock.turn("5h")
    assert (states(crm), len(sink.posts)) == ([("failed", "HTTP 503")], posting.MOST)


def test_nothing_is_posted_to_this_machine_unless_that_is_allowed(opening, sink):
    crm = opening()
    launch(crm, address(sink))
    crm.work()
    [(state, reason)] = states(crm)
    assert state == "failed"
    assert "allow_private" in reason
    assert sink.posts == []


def test_nothing_is_posted_while_all_is_held_back(opening, sink):
    crm = opening(allow_private=True, hold=True)
    launch(crm, address(sink))
    assert crm.work().posted == 0
    assert opening(allow_private=True).work().posted == 1


def test_an_address_may_be_a_secret_that_nobody_is_told(opening, sink, script, monkeypatch, caplog, clock):
    script.left = [Drop(), Answer(status=404)]
    monkeypatch.setenv("ORDERS_HOOK", f"{address(sink)}?token=hush")
    crm = opening(allow_private=True, orders="env:ORDERS_HOOK")
    with caplog.at_level(logging.DEBUG):
        launch(crm, "orders")
        crm.work()
        clock.turn("1m")
        crm.work()
    assert [one.path for one in sink.posts] == ["/hook?token=hush"] * 2
    [webhook] = crm.webhooks()
    assert (webhook.url, webhook.state) == ("orders", "failed")
    assert "hush" not in caplog.text + repr(webhook)


def test_where_a_secret_is_missing_it_waits_for_it(opening, sink, monkeypatch, clock):
    crm = opening(allow_private=True, orders="env:ORDERS_HOOK")
    launch(crm, "orders")
    crm.work()
    [(state, reason)] = states(crm)
    assert state == "planned"
    assert "ORDERS_HOOK" in reason
    monkeypatch.setenv("ORDERS_HOOK", address(sink))
    clock.turn("1m")
    crm.work()
    assert states(crm) == [("done", "")]


@pytest.mark.parametrize(
    ("url", "problem"),
    [("orders", "under .webhooks.: orders = "), ("ftp://example.com/", "http"), ("https://a:b@example.com/", "password")],
)  # fmt: skip
def test_a_campaign_that_could_not_post_is_refused_before_it_begins(opening, url, problem):
    with pytest.raises(InvalidCampaign, match=problem):
        launch(opening(), url)


@pytest.mark.parametrize("webhooks", [{"allow_private": "perhaps"}, {"orders": 7}, {"orders": ""}])
def test_settings_that_say_nothing_are_refused(opening, webhooks):
    with pytest.raises(SettingsError):
        opening(**webhooks).work()


def test_a_campaign_that_stands_still_posts_nothing(opening, sink):
    crm = opening(allow_private=True, hold=True)
    launch(crm, address(sink), trigger="signed_up")
    crm.track("signed_up", "ada")
    crm.work()
    crm.pause("journey")
    other = opening(allow_private=True)
    assert other.work().posted == 0
    other.resume("journey")
    assert other.work().posted == 1


def test_a_campaign_that_was_cancelled_posts_nothing_more(opening, sink):
    crm = opening(allow_private=True, hold=True)
    launch(crm, address(sink), trigger="signed_up")
    crm.track("signed_up", "ada")
    crm.work()
    crm.cancel("journey")
    other = opening(allow_private=True)
    other.work()
    assert (states(other), sink.posts) == ([("cancelled", "")], [])


def test_one_that_waits_for_another_try_ends_with_its_campaign(opening, sink, script):
    crm = opening(allow_private=True)
    script.left = [Answer(status=500)]
    launch(crm, address(sink), trigger="signed_up")
    crm.track("signed_up", "ada")
    crm.work()
    assert states(crm) == [("planned", "HTTP 500")]
    crm.cancel("journey")
    assert states(crm) == [("cancelled", "HTTP 500")]


@pytest.fixture
def dying(opening, sink, monkeypatch):
    """A process that has posted, and died before it could write that down."""
    crm = opening(allow_private=True)
    launch(crm, address(sink))
    with monkeypatch.context() as patch:
        patch.setattr(webhooks, "settle", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            crm.work()
    return crm


def test_what_a_process_that_died_had_taken_is_posted_again_under_its_key(dying, sink, clock):
    assert dying.work().posted == 0
    clock.turn("61s")
    dying.work()
    assert states(dying) == [("done", "")]
    first, second = sink.posts
    assert first == second


def test_an_answer_that_comes_once_somebody_else_is_at_it_settles_nothing(opening, sink, clock):
    crm = opening(allow_private=True, hold=True)
    launch(crm, address(sink))
    crm.work()
    write = crm._opened.write
    [late] = write(lambda scope: webhooks.claim(scope, "one", 9, scope.now + 5))
    clock.turn("1s")
    [again] = write(lambda scope: webhooks.claim(scope, "other", 9, scope.now + 5))
    assert (late.id, again.attempt) == (again.id, 2)
    write(lambda scope: webhooks.settle(scope, "one", [webhooks.Settled(id=late.id, state="failed")]))
    assert states(crm) == [("claimed", "")]


@pytest.mark.untouched
def test_what_is_due_is_found_by_an_index(opening, sink):
    crm = opening(allow_private=True)
    launch(crm, address(sink))
    with statements(crm) as seen:
        crm.work()
    hooks = [(said, step) for said, step in steps(crm, seen) if step.table == "crm_webhook" and "INSERT" not in said]
    assert {step.index for said, step in hooks if said.startswith("SELECT")} == {"ix_webhook_due"}
    assert [step for _, step in hooks if step.is_scan] == []


def test_work_that_is_asked_to_stop_takes_no_more(opening, sink):
    crm = opening(allow_private=True)
    launch(crm, address(sink))
    crm.work(stop=lambda: True)
    assert sink.posts == []


def test_what_was_posted_of_a_customer_follows_it_into_another(opening, sink):
    crm = opening(allow_private=True)
    crm.identify({"email": "ada@example.com"})
    crm.launch(journey(Webhook(name="tell", url=address(sink))))
    crm.work()
    assert [one.key for one in crm.webhooks()] == [None]
    crm.identify("ada", {"name": "Ada"})
    crm.merge({"email": "ada@example.com"}, "ada")
    assert [one.key for one in crm.webhooks()] == ["ada"]


def test_where_nobody_answers_the_rest_waits_for_the_next_time(opening, sink, script):
    crm = opening(allow_private=True)
    customers = [str(number) for number in range(posting.BATCH + 3)]
    script.left = [Drop()] * len(customers)
    launch(crm, address(sink), *customers)
    assert crm.work().posted == posting.BATCH
    script.left.clear()
    assert crm.work().posted == 3
