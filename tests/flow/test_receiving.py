"""Webhooks on their way in: all a webhook holds is taken before it is answered, and told again it changes nothing."""

from __future__ import annotations

import logging

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmcore import CRM
from crmcore.errors import UnknownCustomer, UnknownPlugin
from crmcore.flow import feedback
from crmcore.hooks.provider import Accepted, Feedback, HttpResponse, Ingested, RawRequest
from crmcore.loader import installed
from crmcore.model.building import everyone
from crmcore.model.identity import Identity
from crmcore.model.time import SECOND
from crmcore.testing.fakes import Notes
from crmcore.testing.postbox import Postbox, posted, signed
from tests.flow.test_campaign import made, people


@pytest.fixture
def postbox():
    return Postbox(notes=Notes("note", opens_session=frozenset({"approved"})))


@pytest.fixture
def crm(new_database, postbox, clock):
    with CRM(new_database("crm.db"), clock=clock, plugins={"recorder": postbox}, blocked=installed()) as crm:
        yield crm


def told(crm, **said):
    return crm.receive("note", "recorder", posted(**said))


def sent(crm, count=1):
    people(crm, count)
    crm.launch(made())
    crm.work()
    return crm.deliveries("hello")


def states(crm):
    return [one.state for one in crm.deliveries("hello")]


def lines(crm, who, name):
    return [one for one in crm.timeline(who) if one.name == name]


def written(crm, key, **more):
    return {"key": key, "at": crm.now(), "identities": [["email", "0@example.com"]], "text": "hi", **more}


# -- who is asked ---------------------------------------------------------------------------------------------------------


def test_a_signed_webhook_is_taken_and_answered_as_its_provider_says(crm):
    [one] = sent(crm)
    said = [{"key": "k", "type": "delivered", "at": crm.now(), "delivery_id": one.id}]
    assert told(crm, feedback=said) == HttpResponse(status=200)
    assert states(crm) == ["delivered"]


def test_a_webhook_that_is_not_signed_is_refused_and_changes_nothing(crm):
    [one] = sent(crm)
    body = posted(feedback=[{"key": "k", "type": "delivered", "at": crm.now(), "delivery_id": one.id}]).body
    assert crm.receive("note", "recorder", signed(body, b"another")).status == 401
    assert states(crm) == ["accepted"]


@pytest.mark.parametrize(("channel", "provider"), [("note", "nobody"), ("nothing", "recorder")])
def test_who_takes_no_webhooks_is_named(crm, channel, provider):
    with pytest.raises(UnknownPlugin, match=r"provider with webhooks .*note/recorder"):
        crm.receive(channel, provider, posted())


def test_several_webhooks_are_answered_in_their_order(crm):
    [one, other] = sent(crm, 2)
    bodies = [
        posted(feedback=[{"key": str(n), "type": "read", "at": crm.now(), "delivery_id": each.id}])
        for n, each in enumerate((one, other))
    ]
    wrong = RawRequest(method="POST", body=b"{}")
    assert [each.status for each in crm.receive_many("note", "recorder", [bodies[0], wrong, bodies[1]])] == [
        200,
        401,
        200,
    ]
    assert states(crm) == ["read", "read"]


def test_what_its_provider_cannot_read_is_to_come_again_and_spoils_no_other(crm, postbox, monkeypatch, caplog):
    [one] = sent(crm)
    parse = postbox.parse_webhook

    def falls_over(request, now):
        if request.method == "PUT":
            raise KeyError("the secret text of a customer")
        return parse(request, now)

    monkeypatch.setattr(postbox, "parse_webhook", falls_over)
    good = posted(feedback=[{"key": "k", "type": "read", "at": crm.now(), "delivery_id": one.id}])
    answers = crm.receive_many("note", "recorder", [RawRequest(method="PUT"), good])
    assert [each.status for each in answers] == [500, 200]
    assert states(crm) == ["read"]
    assert "KeyError" in caplog.text
    assert "secret text" not in caplog.text


def test_a_webhook_that_cannot_be_taken_is_to_come_again_and_spoils_no_other(crm, postbox, monkeypatch):
    [one] = sent(crm)
    parse = postbox.parse_webhook
    monkeypatch.setattr(
        postbox,
        "parse_webhook",
        lambda request, now: (
            parse(request, now) if request.body else Ingested(answer=HttpResponse(status=200), inbound=(7,))
        ),
    )
    good = posted(feedback=[{"key": "k", "type": "read", "at": crm.now(), "delivery_id": one.id}])
    answers = crm.receive_many("note", "recorder", [RawRequest(method="POST"), good])
    assert [each.status for each in answers] == [500, 200]
    assert states(crm) == ["read"]


def test_alerts_go_to_the_log(crm, caplog):
    told(crm, alerts=["the account is restricted"])
    assert [(one.name, one.levelno, one.message) for one in caplog.records] == [
        ("crmcore.webhooks", logging.WARNING, "note/recorder: the account is restricted")
    ]


# -- feedback that overtakes its answer -----------------------------------------------------------------------------------


def test_what_is_said_by_the_carriers_id_before_its_answer_is_known_is_to_come_again(crm, postbox):
    answers = []

    def overtaken(message):
        said = [{"key": "k", "type": "delivered", "at": crm.now(), "provider_id": "wamid.1"}]
        answers.append(told(crm, feedback=said).status)
        return Accepted(delivery_id=message.delivery_id, provider_id="wamid.1")

    postbox.answer = overtaken
    sent(crm)
    assert answers == [503]
    assert (
        told(crm, feedback=[{"key": "k", "type": "delivered", "at": crm.now(), "provider_id": "wamid.1"}]).status == 200
    )
    assert states(crm) == ["delivered"]


def test_what_is_said_of_messages_of_others_is_passed_over(crm, postbox):
    answers = []

    def overtaken(message):
        older = crm.now() - 60 * SECOND
        answers.append(
            told(crm, feedback=[{"key": "k", "type": "read", "at": older, "provider_id": "another's"}]).status
        )
        return Accepted(delivery_id=message.delivery_id)

    postbox.answer = overtaken
    sent(crm)
    now = [{"key": "l", "type": "read", "at": crm.now(), "provider_id": "another's"}]
    assert [*answers, told(crm, feedback=now).status] == [200, 200]


# -- what customers write -------------------------------------------------------------------------------------------------


def test_a_message_of_a_customer_becomes_an_event_of_theirs(crm):
    people(crm, 1)
    one = written(crm, "m1", kind="button", text="Yes", properties={"number": "49"})
    told(crm, inbound=[one])
    [line] = lines(crm, "0", "message_received")
    assert line.at == crm.now()
    assert line.properties == '{"channel":"note","kind":"button","number":"49","text":"Yes"}'


def test_a_message_told_again_is_one_event(crm):
    people(crm, 1)
    for _ in range(2):
        told(crm, inbound=[written(crm, "m1"), written(crm, "m1"), written(crm, "m2")])
    assert len(lines(crm, "0", "message_received")) == 2


def test_whoever_writes_for_the_first_time_is_a_customer_known_by_all_that_is_told(crm):
    told(crm, inbound=[written(crm, "m1", identities=[["bsuid", "US.1"], ["phone", "+49 151 23"]])])
    assert (
        lines(crm, {"bsuid": "US.1"}, "message_received") == lines(crm, {"phone": "+4915123"}, "message_received") != []
    )


def test_an_answer_to_a_message_of_ours_is_a_reply_to_its_delivery(crm):
    [one] = sent(crm)
    told(crm, inbound=[written(crm, "m1", reply_to=f"p-{one.id}")])
    [line] = lines(crm, "0", "message_replied")
    assert line.ref == str(one.id)
    assert f'"reply_to":"p-{one.id}"' in lines(crm, "0", "message_received")[0].properties


def test_an_answer_to_a_message_of_nobody_is_a_message(crm):
    people(crm, 1)
    assert told(crm, inbound=[written(crm, "m1", reply_to="somebody else's")]).status == 200
    assert len(lines(crm, "0", "message_received")) == 1
    assert lines(crm, "0", "message_replied") == []


@pytest.mark.parametrize("text", ["a\0b", "\ud800", "x" * 2_000_000, "\N{PILE OF POO}", "\u202e"])
def test_what_no_store_keeps_is_replaced_and_the_message_is_taken(crm, text):
    people(crm, 1)
    assert told(crm, inbound=[written(crm, f"m{text[:3]}", text=text, properties={"n\0": text})]).status == 200
    assert len(lines(crm, "0", "message_received")) == 1


@pytest.mark.parametrize("identities", [[], [["", "x"]], [["email", "no address"]], [["phone", "\0"]]])
def test_a_message_by_nobody_is_passed_over(crm, identities):
    assert told(crm, inbound=[written(crm, "m1", identities=identities)]).status == 200
    assert crm.totals() == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"key": "k\0"},
        {"at": 2**70},
        {"at": -1},
        {"delivery_id": 2**70},
        {"reason": "\ud800\0"},
        {"raw": "\0"},
        {"address": Identity("email", "none")},
    ],
)
def test_feedback_that_no_store_keeps_as_it_is_is_taken(crm, postbox, monkeypatch, wrong):
    [one] = sent(crm)
    said = Feedback(**{"key": "k", "type": "bounced", "at": crm.now(), "provider_id": f"p-{one.id}", **wrong})
    held = Ingested(answer=HttpResponse(status=200), feedback=(said,))
    monkeypatch.setattr(postbox, "parse_webhook", lambda _request, _now: held)
    assert told(crm).status == 200
    assert states(crm) == ["failed"]


def test_feedback_on_a_message_of_another_channel_changes_nothing(crm, postbox):
    [one] = sent(crm)
    said = Feedback(key="k", type="failed", at=crm.now(), delivery_id=one.id)
    crm._opened.write(lambda scope: feedback.take(scope, [said], "cloud", "whatsapp"))
    assert states(crm) == ["accepted"]


# -- choices --------------------------------------------------------------------------------------------------------------


def choice(at, *, wanted, key="c"):
    return {"key": f"{key}-{at}-{wanted}", "at": at, "addresses": [["email", "0@example.com"]], "wanted": wanted}


def suppressed(crm):
    return crm.customer("0").suppressed


def test_who_wants_no_more_is_suppressed_at_that_address_on_that_channel(crm, postbox):
    people(crm, 1)
    told(crm, choices=[choice(crm.now(), wanted=False)])
    crm.launch(made())
    crm.work()
    assert suppressed(crm) == (("note", "opted_out"),)
    assert crm.report("hello").skipped == {"suppressed": 1}


def test_who_wants_it_again_is_sent_messages_again(crm, clock):
    people(crm, 1)
    told(crm, choices=[choice(crm.now(), wanted=False)])
    clock.turn("1m")
    told(crm, choices=[choice(crm.now(), wanted=True)])
    crm.launch(made())
    crm.work()
    assert suppressed(crm) == ()
    assert crm.report("hello").sent == 1


def test_who_wants_no_more_still_gets_what_is_transactional(crm, postbox):
    people(crm, 1)
    told(crm, choices=[choice(crm.now(), wanted=False)])
    crm.launch(made(purpose="transactional"))
    crm.work()
    assert states(crm) == ["accepted"]


def test_a_choice_lifts_no_suppression_of_another_origin(crm):
    people(crm, 1)
    crm.suppress("0", address={"email": "0@example.com"}, channel="note", reason="complaint")
    told(crm, choices=[choice(crm.now(), wanted=True)])
    assert suppressed(crm) == (("note", "complaint"),)


CHOICES = st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=1, max_size=5)


@given(made=CHOICES, data=st.data())
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_last_choice_by_its_time_counts_in_whatever_order_they_come(crm, clock, made, data):
    clock.turn("1m")
    start = crm.now() - 10 * SECOND
    who = f"c{crm.now()}"
    crm.identify(who, {"email": f"{who}@example.com"})
    order = data.draw(st.permutations([*made, *data.draw(st.lists(st.sampled_from(made), max_size=3))]))
    for at, wanted in order:
        one = choice(start + at, wanted=wanted) | {"addresses": [["email", f"{who}@example.com"]]}
        told(crm, choices=[one])
    last = max(at for at, _ in made)
    is_wanted = all(wanted for at, wanted in made if at == last)
    assert crm.customer(who).suppressed == (() if is_wanted else (("note", "opted_out"),))


# -- addresses that have become others --------------------------------------------------------------------------------------


def test_a_new_address_belongs_to_the_customer_of_the_old(crm):
    people(crm, 1)
    told(
        crm, addresses=[{"key": "a", "at": crm.now(), "old": ["email", "0@example.com"], "new": [["phone", "+49151"]]}]
    )
    assert crm.customer({"phone": "+49151"}).id == crm.customer("0").id


def test_of_a_change_of_an_address_that_nobody_knows_nothing_comes(crm):
    told(crm, addresses=[{"key": "a", "at": crm.now(), "old": ["phone", "+1"], "new": [["phone", "+2"]]}])
    for who in ({"phone": "+1"}, {"phone": "+2"}):
        with pytest.raises(UnknownCustomer):
            crm.customer(who)


# -- templates ------------------------------------------------------------------------------------------------------------


def change(at, *, may_be_sent, name="spring_sale", locale="", reason="low quality"):
    return {
        "key": f"t{at}{may_be_sent}",
        "at": at,
        "name": name,
        "locale": locale,
        "may_be_sent": may_be_sent,
        "reason": reason,
    }


@pytest.fixture
def running(crm):
    crm.save_template("spring", "note", {"text": "hello", "approved": "spring_sale"}, locale="en-US")
    crm.save_template("other", "note", {"text": "hello", "approved": "other_one"})
    for name, template in (("a", "spring"), ("b", "other")):
        crm.launch(made(name=name, template=template, audience=everyone(), purpose="service"))
    return crm


def runs(crm):
    return {one.campaign: one.state for one in crm.runs()}


def test_campaigns_stand_still_while_their_template_may_not_be_sent(running, caplog):
    told(running, templates=[change(running.now(), may_be_sent=False)])
    assert runs(running) == {"a": "paused", "b": "running"}
    reason = "template 'spring' uses 'spring_sale' of note, which may not be sent: low quality"
    assert running.runs()[0].reason == reason
    assert f"campaign a is paused: {reason}" in caplog.text
    told(running, templates=[change(running.now() + 1, may_be_sent=True)])
    assert runs(running) == {"a": "running", "b": "running"}
    assert running.runs()[0].reason == ""


@pytest.mark.parametrize(
    ("locale", "state"), [("en_US", "paused"), ("en-us", "paused"), ("de", "running"), ("", "paused")]
)
def test_only_the_template_in_that_locale_is_meant(running, locale, state):
    told(running, templates=[change(running.now(), may_be_sent=False, locale=locale)])
    assert runs(running)["a"] == state


def test_what_was_said_earlier_undoes_nothing_that_was_said_later(running):
    now = running.now()
    told(running, templates=[change(now, may_be_sent=False)])
    told(running, templates=[change(now - 5, may_be_sent=True)])
    assert runs(running)["a"] == "paused"
    told(running, templates=[change(now + 5, may_be_sent=True), change(now - 5, may_be_sent=False)])
    told(running, templates=[change(now, may_be_sent=False)])
    assert runs(running)["a"] == "running"


def test_what_a_person_has_paused_stays_paused(running):
    running.pause("a")
    told(running, templates=[change(running.now(), may_be_sent=False)])
    told(running, templates=[change(running.now() + 1, may_be_sent=True)])
    assert runs(running)["a"] == "paused"


def test_whoever_pauses_what_stands_still_already_means_it(running):
    told(running, templates=[change(running.now(), may_be_sent=False)])
    running.pause("a")
    told(running, templates=[change(running.now() + 1, may_be_sent=True)])
    assert runs(running)["a"] == "paused"


def test_whoever_resumes_it_all_the_same_is_the_master(running):
    told(running, templates=[change(running.now(), may_be_sent=False)])
    running.resume("a")
    running.pause("a")
    told(running, templates=[change(running.now() + 1, may_be_sent=True)])
    assert runs(running)["a"] == "paused"


def test_a_campaign_of_two_such_templates_waits_for_both(crm):
    crm.save_template("one", "note", {"text": "x", "approved": "first"})
    crm.save_template("one", "note", {"text": "x", "approved": "second"}, locale="de")
    crm.launch(made(name="a", template="one", audience=everyone(), purpose="service"))
    now = crm.now()
    told(crm, templates=[change(now, may_be_sent=False, name=name) for name in ("first", "second")])
    told(crm, templates=[change(now + 1, may_be_sent=True, name="first")])
    assert runs(crm) == {"a": "paused"}
    told(crm, templates=[change(now + 1, may_be_sent=True, name="second")])
    assert runs(crm) == {"a": "running"}


def test_single_messages_wait_as_well(crm, postbox):
    people(crm, 1)
    crm.save_template("code", "note", {"text": "1234", "approved": "login"})
    crm.send("code", to="0", channel="note")
    told(crm, templates=[change(crm.now(), may_be_sent=False, name="login")])
    crm.work()
    assert postbox.sent == []
    told(crm, templates=[change(crm.now() + 1, may_be_sent=True, name="login")])
    crm.work()
    assert len(postbox.sent) == 1
