"""A broadcast, from launch to report: everybody it is for is accounted for, whatever happens."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmcore import CRM
from crmcore.errors import (
    InvalidCampaign,
    InvalidIdentity,
    InvalidTemplate,
    InvalidToken,
    MixedCurrencies,
    SegmentInUse,
    UndefinedField,
    UnknownPlugin,
    UnknownSegment,
    UnknownTemplate,
)
from crmcore.hooks.gate import Verdict
from crmcore.hooks.marker import hookimpl
from crmcore.hooks.provider import Accepted, Feedback, InDoubt, NotStarted, Permanent, Retry, Suppress
from crmcore.loader import installed
from crmcore.model.building import attribute, event, everyone, in_segment
from crmcore.model.campaign import Campaign, Goal
from crmcore.model.time import MINUTE
from crmcore.store import claims
from crmcore.testing.fakes import Notes, Recorder, accept


def made(**changes):
    return Campaign(
        **{
            "name": "hello",
            "purpose": "retention",
            "audience": everyone(),
            "channel": "note",
            "template": "hello",
            **changes,
        }
    )


def people(crm: CRM, count: int, *, consent: bool = True) -> None:
    crm.identify_many(
        {"customer": str(n), "attributes": {"email": f"{n}@example.com", "name": f"N{n}"}} for n in range(count)
    )
    if consent:
        crm.consent_many({"customer": str(n), "purpose": "retention", "channel": "note"} for n in range(count))
    crm.save_template("hello", "note", {"text": "Hello {{ customer.name }} {{ links.unsubscribe }}"})


def balanced(report) -> bool:
    return report.eligible == report.sent + report.waiting + report.in_doubt + sum(report.failed.values()) + sum(
        report.skipped.values()
    )


def test_everybody_gets_a_message_of_their_own(crm, recorder):
    people(crm, 3)
    crm.launch(made())
    crm.work()
    assert sorted(one.body.split()[1] for one in recorder.sent) == [b"N0", b"N1", b"N2"]
    assert crm.report("hello").sent == 3


def test_a_carrier_is_handed_no_more_at_once_than_it_takes(crm, recorder):
    people(crm, 120)
    sizes = []
    send = recorder.send

    def sized(batch):
        sizes.append(len(batch))
        return send(batch)

    recorder.send = sized
    crm.launch(made())
    crm.work()
    assert (max(sizes), sum(sizes)) == (recorder.carriage.batch, 120)


def test_working_again_sends_nothing_again(crm, recorder):
    people(crm, 3)
    crm.launch(made())
    crm.work()
    crm.work()
    assert len(recorder.sent) == 3


def test_each_who_got_none_has_one_reason(crm):
    people(crm, 6, consent=False)
    crm.consent_many({"customer": str(n), "purpose": "retention"} for n in (0, 1, 2, 3))
    crm.consent("1", "retention", channel="note", granted=False)
    crm.suppress("2", reason="complaint")
    crm.suppress("3", address={"email": "3@example.com"}, channel="note")
    crm.identify("nobody", {"name": "x"})
    crm.launch(made())
    crm.work()
    report = crm.report("hello")
    assert report.skipped == {"no_address": 1, "no_consent": 2, "suppressed": 2, "unsubscribed": 1}
    assert (report.sent, balanced(report)) == (1, True)


def test_a_purpose_that_needs_no_consent_goes_without_but_never_past_a_suppression(crm):
    people(crm, 2, consent=False)
    crm.suppress("1")
    crm.launch(made(purpose="service"))
    crm.work()
    assert (crm.report("hello").sent, crm.report("hello").skipped) == (1, {"suppressed": 1})


def test_consent_is_asked_when_the_message_goes_not_when_it_was_planned(crm, recorder):
    people(crm, 2)
    crm.launch(made())
    crm.consent("0", "retention", channel="note", granted=False)
    crm.work()
    assert crm.report("hello").skipped == {"unsubscribed": 1}
    assert len(recorder.sent) == 1


def test_only_those_who_want_the_topic_get_it(crm):
    people(crm, 3)
    crm.subscribe("0", "news")
    crm.subscribe("1", "news", wanted=False)
    crm.launch(made(topic="news"))
    crm.work()
    assert (crm.report("hello").sent, crm.report("hello").skipped) == (1, {"unsubscribed": 2})


def test_the_held_out_pass_the_same_gates_and_get_nothing(crm, recorder):
    people(crm, 200)
    crm.consent_many(
        {"customer": str(n), "purpose": "retention", "channel": "note", "granted": False} for n in range(0, 200, 2)
    )
    launched = crm.launch(made(holdout=0.3), seed=5)
    crm.work()
    report = crm.report("hello")
    assert 30 < launched.held_out < 90
    assert report.skipped["unsubscribed"] == 100
    assert report.skipped["holdout"] == report.held_out.customers < launched.held_out
    assert len(recorder.sent) == report.treated.customers == 100 - report.held_out.customers


def test_the_same_seed_holds_out_the_same_share_of_people(open_crm):
    arms = []
    for name in ("one.db", "two.db"):
        crm = open_crm(name)
        people(crm, 50)
        arms.append(crm.launch(made(holdout=0.5), seed=1).held_out)
    assert arms[0] == arms[1]


def test_conversions_are_counted_alike_in_both_arms(crm, clock):
    people(crm, 40)
    crm.launch(made(holdout=0.5, goal=Goal(event="order_placed", within="7d")))
    crm.work()
    clock.turn("1d")
    crm.track_many({"name": "order_placed", "customer": str(n)} for n in range(40))
    clock.turn("7d")
    crm.track_many({"name": "order_placed", "customer": str(n)} for n in range(40))
    report = crm.report("hello")
    assert report.treated.converted == report.treated.customers == report.sent
    assert report.held_out.converted == report.held_out.customers == 40 - report.sent
    assert report.lift.difference == 0


def test_an_order_after_the_window_is_no_conversion(crm, clock):
    people(crm, 2)
    crm.launch(made(goal=Goal(event="order_placed", within="7d")))
    crm.work()
    clock.turn("8d")
    crm.track("order_placed", "0")
    assert crm.report("hello").treated.converted == 0


def test_opens_and_clicks_count_once_a_message_and_machines_not(crm):
    people(crm, 2)
    crm.launch(made())
    crm.work()
    [one, other] = crm.deliveries("hello", "accepted")
    said = [
        Feedback(key="a", type="opened", at=crm.now(), delivery_id=one.id),
        Feedback(key="b", type="opened", at=crm.now(), delivery_id=one.id),
        Feedback(key="c", type="opened", at=crm.now(), delivery_id=other.id, machine=True),
        Feedback(key="d", type="clicked", at=crm.now(), provider_id=f"p-{one.id}"),
    ]
    assert crm.feedback(said, provider="recorder") == 4
    assert crm.feedback(said, provider="recorder") == 0
    assert (crm.report("hello").opened, crm.report("hello").clicked) == (1, 1)
    assert [line.name for line in crm.timeline("0")].count("message_opened") == 2


def test_a_late_bounce_makes_it_failed_and_suppresses(crm):
    people(crm, 1)
    crm.launch(made())
    crm.work()
    [one] = crm.deliveries("hello")
    crm.feedback([Feedback(key="a", type="bounced", at=crm.now(), delivery_id=one.id, reason="5.1.1")])
    assert crm.report("hello").failed == {"bounced: 5.1.1": 1}
    assert crm.customer("0").suppressed == (("note", "bounce"),)


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (lambda one: Accepted(delivery_id=one.delivery_id), "accepted"),
        (lambda one: Retry(delivery_id=one.delivery_id, after=60), "deferred"),
        (lambda one: Permanent(delivery_id=one.delivery_id, fault="content"), "failed"),
        (lambda one: Suppress(delivery_id=one.delivery_id, reason="bounce"), "failed"),
        (lambda one: InDoubt(delivery_id=one.delivery_id), "in_doubt"),
        (lambda one: NotStarted(delivery_id=one.delivery_id), "planned"),
    ],
)
def test_each_answer_has_its_state(crm, recorder, answer, state):
    people(crm, 1)
    recorder.answer = answer
    crm.launch(made())
    crm.work()
    assert [one.state for one in crm.deliveries("hello")] == [state]


def test_what_was_deferred_goes_again_under_the_same_key_with_the_same_bytes(crm, clock, recorder):
    people(crm, 1)
    recorder.answer = lambda one: Retry(delivery_id=one.delivery_id, after=60)
    crm.launch(made())
    crm.work()
    crm.identify("0", {"name": "Changed"})
    clock.turn("2m")
    recorder.answer = accept
    crm.work()
    first, second = recorder.sent
    assert (first.message_key, first.body) == (second.message_key, second.body)
    assert (first.attempt, second.attempt) == (1, 2)


def test_what_waits_too_long_expires(crm, clock, recorder):
    people(crm, 1)
    recorder.answer = lambda one: Retry(delivery_id=one.delivery_id, after=60)
    crm.launch(made())
    crm.work()
    clock.turn("4d")
    crm.work()
    assert crm.report("hello").skipped == {"expired": 1}


class Cut(Exception):
    pass


@pytest.mark.parametrize(("purpose", "state"), [("retention", "in_doubt"), ("service", "planned")])
def test_a_carrier_that_breaks_leaves_answered_ones_as_they_are_and_the_rest_to_their_class(
    crm, recorder, purpose, state
):
    people(crm, 4)
    asked = []

    def breaking(message):
        asked.append(message)
        if len(asked) == 3:
            raise Cut
        return accept(message)

    recorder.answer = breaking
    crm.launch(made(purpose=purpose))
    crm.work()
    assert sorted(one.state for one in crm.deliveries("hello")) == sorted(["accepted"] * 2 + [state] * 2)


def test_a_message_in_doubt_is_settled_by_a_receipt(crm, recorder):
    people(crm, 1)
    recorder.answer = lambda one: InDoubt(delivery_id=one.delivery_id)
    crm.launch(made())
    crm.work()
    [one] = crm.deliveries("hello", "in_doubt")
    crm.feedback([Feedback(key="a", type="delivered", at=crm.now(), delivery_id=one.id)])
    assert [one.state for one in crm.deliveries("hello")] == ["delivered"]


ANSWERS = st.sampled_from(["accept", "retry", "fail", "suppress", "doubt", "not started", "raise"])


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ANSWERS, min_size=1, max_size=12), st.sampled_from(["retention", "service"]), st.integers(0, 10**9))
def test_the_books_balance_at_every_moment(open_crm, recorder, clock, script, purpose, number):
    crm = open_crm(f"books-{number}.db")
    people(crm, 8)
    answers = iter(script * 50)
    results = {
        "accept": accept,
        "retry": lambda one: Retry(delivery_id=one.delivery_id, after=30),
        "fail": lambda one: Permanent(delivery_id=one.delivery_id, fault="policy"),
        "suppress": lambda one: Suppress(delivery_id=one.delivery_id, reason="complaint"),
        "doubt": lambda one: InDoubt(delivery_id=one.delivery_id),
        "not started": lambda one: NotStarted(delivery_id=one.delivery_id),
    }

    def scripted(message):
        report = crm.report("hello")
        assert balanced(report)
        assert report.eligible == 8
        word = next(answers)
        if word == "raise":
            raise Cut
        return results[word](message)

    recorder.answer = scripted
    crm.launch(made(purpose=purpose, holdout=0.2))
    for _ in range(4):
        crm.work()
        assert balanced(crm.report("hello"))
        clock.turn("5m")
    sent = [one.delivery_id for one in recorder.sent if one.attempt == 1]
    assert len(sent) == len(set(sent))


def test_a_field_somebody_lacks_is_found_before_the_start(crm):
    people(crm, 3)
    crm.identify("4", {"email": "4@example.com"})
    with pytest.raises(UndefinedField, match=r"customer\.name.*1 of 4.*'4'"):
        crm.launch(made())
    assert crm.campaigns() == []


def test_a_field_with_a_default_is_no_hindrance(crm, recorder):
    people(crm, 1)
    crm.save_template(
        "hello", "note", {"text": "{{ customer.nick | default('you') }}{% if customer.age is defined %}!{% endif %}"}
    )
    crm.launch(made())
    crm.work()
    assert recorder.sent[0].body == b"you"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"channel": "pigeon"}, UnknownPlugin),
        ({"template": "nope"}, UnknownTemplate),
        ({"audience": "nope"}, UnknownSegment),
    ],
)
def test_what_is_missing_is_an_error_before_the_start(crm, changes, error):
    people(crm, 1)
    with pytest.raises(error):
        crm.launch(made(**changes))
    assert crm.campaigns() == []


def test_an_audience_that_has_no_answer_names_its_segment(crm):
    people(crm, 2)
    for key, currency in (("0", "EUR"), ("1", "USD")):
        crm.track("bought", key, amount=5, currency=currency)
    crm.define_segment("mixed", event("bought").sum("amount") > 1)
    with pytest.raises(MixedCurrencies, match="segment 'mixed', the sum of bought adds up EUR, USD"):
        crm.launch(made(audience="mixed"))


@pytest.mark.parametrize("audience", ["s", in_segment("s")], ids=["by name", "in a condition"])
def test_a_segment_that_a_campaign_asks_for_is_deleted_once_it_is_finished(crm, audience):
    people(crm, 1)
    crm.define_segment("s", everyone())
    crm.launch(made(audience=audience))
    with pytest.raises(SegmentInUse, match=r"'s' is asked for by campaign 'hello' \(running\)"):
        crm.delete_segment("s")
    crm.pause("hello")
    with pytest.raises(SegmentInUse, match="paused"):
        crm.delete_segment("s")
    crm.resume("hello")
    crm.work()
    crm.delete_segment("s")
    assert (crm.segments(), crm.report("hello").sent) == ([], 1)


@pytest.mark.parametrize(
    "changes", [{"holdout": 1.0}, {"holdout": -0.1}, {"purpose": "spam"}, {"goal": Goal(event="x", within="soon")}]
)
def test_a_campaign_that_makes_no_sense_is_refused(changes):
    with pytest.raises(ValueError, match=r"holdout|purpose|duration"):
        made(**changes)


def test_a_template_with_an_error_is_not_kept(crm):
    with pytest.raises(InvalidTemplate, match="line 2"):
        crm.save_template("bad", "note", {"text": "a\n{% if %}"})


def test_plain_data_make_a_campaign(crm, recorder):
    people(crm, 3)
    plain = {
        "name": "hello",
        "purpose": "retention",
        "channel": "note",
        "template": "hello",
        "audience": {"attribute": "name", "value": "N1"},
    }
    crm.launch(plain)
    crm.work()
    assert len(recorder.sent) == 1


@pytest.mark.parametrize("plain", [{"nmae": "x"}, {"name": "x", "holdout": "a lot"}, {"name": "x"}])
def test_plain_data_that_make_none_are_refused(crm, plain):
    with pytest.raises((InvalidCampaign, ValueError)):
        crm.launch(plain)


def test_a_link_unsubscribes_from_all_marketing_on_the_channel_once(crm, recorder):
    people(crm, 1)
    crm.consent("0", "newsletter", channel="note")
    crm.launch(made())
    crm.work()
    token = recorder.sent[0].body.decode().rpartition("/")[2]
    assert crm.check_unsubscribe(token).channel == "note"
    assert all(one.granted for one in crm.customer("0").consents)
    crm.unsubscribe(token)
    crm.unsubscribe(token)
    assert not any(one.granted for one in crm.customer("0").consents)
    assert [line.name for line in crm.timeline("0")].count("message_unsubscribed") == 1
    assert crm.report("hello").unsubscribed == 1


def test_a_link_of_a_topic_ends_the_topic_only(crm, recorder):
    people(crm, 1)
    crm.subscribe("0", "news")
    crm.launch(made(topic="news"))
    crm.work()
    crm.unsubscribe(recorder.sent[0].body.decode().rpartition("/")[2])
    view = crm.customer("0")
    assert all(one.granted for one in view.consents)
    assert [one.wanted for one in view.subscriptions if one.channel == "note"] == [False]


@pytest.mark.parametrize(
    "spoil", [lambda t: t[:-4], lambda t: "A" + t[1:], lambda t: t + "AAAA", lambda _: "", lambda _: "ü"]
)
def test_a_forged_or_broken_link_is_refused(crm, recorder, spoil):
    people(crm, 1)
    crm.launch(made())
    crm.work()
    token = recorder.sent[0].body.decode().rpartition("/")[2]
    with pytest.raises(InvalidToken):
        crm.unsubscribe(spoil(token))
    assert all(one.granted for one in crm.customer("0").consents)


class Curfew:
    """A gate that stops one customer and holds another."""

    name = "curfew"
    contract = 1
    reads = frozenset({"name"})

    @hookimpl
    def crm_register_gates(self, setup):
        return [self]

    def judge(self, intents, *, now):
        reasons = {"N0": {"reason": "gate"}, "N1": {"retry_at": now + 60_000_000}}
        return [Verdict(delivery_id=one.delivery_id, **reasons.get(one.attributes["name"], {})) for one in intents]


def test_a_plugins_gate_stops_and_holds(database, clock, recorder):
    with CRM(str(database), clock=clock, plugins={"recorder": recorder, "curfew": Curfew()}) as crm:
        people(crm, 3)
        crm.launch(made())
        crm.work()
        assert (crm.report("hello").sent, crm.report("hello").waiting, crm.report("hello").skipped) == (
            1,
            1,
            {"gate": 1},
        )


def test_a_claim_of_a_process_that_died_is_taken_up_again(crm, clock, recorder):
    people(crm, 2)
    crm.launch(made())

    def claim(scope):
        [run_id] = claims.due_runs(scope)
        return claims.claim(scope, run_id, "dead", limit=10, lease_until=scope.now + MINUTE)

    claimed = crm._opened.write(claim)
    assert len(claimed) == 2
    crm.work()
    assert recorder.sent == []
    clock.turn("2m")
    crm.work()
    assert len(recorder.sent) == 2


def test_the_template_of_the_customers_language_is_used(crm, recorder):
    people(crm, 3)
    crm.save_template("hello", "note", {"text": "Halo {{ customer.name }}"}, locale="id")
    crm.identify("1", {"locale": "id_ID"})
    crm.launch(made(audience=attribute("name") != "N2"))
    crm.work()
    assert sorted(one.body.split()[0] for one in recorder.sent) == [b"Halo", b"Hello"]


class Phones(Notes):
    """A channel that looks at whom a message goes to while it is made."""

    def __init__(self):
        super().__init__("text", address_kinds=frozenset({"phone"}))

    def validate_address(self, address):
        if not address.value.startswith("+"):
            raise InvalidIdentity(place="phone", problem="it begins with no +")
        return address

    def render(self, compiled, drafts):
        return super().render(
            compiled, [attrs.evolve(one, address=self.validate_address(one.address)) for one in drafts]
        )


def test_a_message_is_tried_out_only_at_addresses_that_the_channel_takes(new_database, clock):
    with CRM(
        new_database("crm.db"), clock=clock, plugins={"text": Recorder(notes=Phones())}, blocked=installed()
    ) as crm:
        crm.save_template("hello", "text", {"text": "Hello {{ customer.name }}"})
        crm.identify("1", {"phone": "+4612345", "name": "Ada"})
        crm.identify("2", {"phone": "12345"})
        crm.identify("3", {"email": "3@example.com"})
        assert crm.launch(made(channel="text")).audience == 3
