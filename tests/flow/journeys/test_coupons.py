"""A message of a step with a coupon has a code of its own; what ends unsent gives it back; a code redeemed is gone."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import select

from crmcore import CRM
from crmcore.errors import CouponSourceFailed, InvalidName, InvalidValue, UndefinedField, UnknownCouponSource
from crmcore.hooks.provider import Permanent, Retry
from crmcore.loader import installed
from crmcore.model.building import attribute
from crmcore.model.happens import Happens
from crmcore.store import schema
from crmcore.testing.fakes import Notes, Recorder, TokenCodes
from tests.flow.journeys.travelling import journey, people, said, send, templates, wait

BLOCKED = installed()


def offer(crm: CRM, *steps, **changes) -> None:
    """Launch a campaign that sends codes of "spring"."""
    crm.save_template("offer", "note", {"text": "{{ customer.key }} {{ message.coupon }}"})
    crm.launch(journey(*(steps or [send("offer", coupon="spring")]), **changes))


def pool(crm: CRM, source: str = "spring") -> tuple[int, int, int]:
    [found] = [one for one in crm.coupons() if one.source == source]
    return found.free, found.reserved, found.redeemed


def owners(crm: CRM) -> dict[str, int | None]:
    """Return which delivery each code is reserved for."""
    row = schema.coupon.c
    with crm._opened.reading() as scope:
        query = select(row.code, row.delivery_id).where(row.workspace_id == scope.workspace_id)
        return {code: value for code, value in scope.connection.execute(query)}


def fields(crm: CRM) -> dict[int, str | None]:
    """Return the code that stands in each delivery."""
    row = schema.delivery.c
    with crm._opened.reading() as scope:
        found = scope.connection.execute(select(row.id, row.fields).where(row.workspace_id == scope.workspace_id)).all()
    return {one: None if text is None else json.loads(text)["coupon"] for one, text in found}


@pytest.fixture
def opening(new_database, clock, recorder):
    """Open a CRM with other plugins or rules."""
    opened = []

    def open_with(plugins=(), **given):
        plugins = {"recorder": recorder, **dict(plugins)}
        opened.append(CRM(new_database("crm.db"), clock=clock, plugins=plugins, blocked=BLOCKED, **given))
        return opened[-1]

    yield open_with
    for crm in opened:
        crm.close()


def test_each_message_has_a_code_of_its_own(crm, recorder):
    people(crm, "ada", "bob")
    assert crm.add_coupons("spring", ["A1", "B2", "C3"]) == 3
    offer(crm)
    crm.work()
    assert sorted(said(recorder)) in (["ada A1", "bob B2"], ["ada B2", "bob A1"])
    assert pool(crm) == (1, 2, 0)


def test_a_code_added_again_is_there_once(crm):
    assert crm.add_coupons("spring", ["A1", " A1 ", "B2"]) == 2
    assert crm.add_coupons("spring", ["B2", "C3"]) == 1
    assert crm.add_coupons("autumn", ["A1"]) == 1
    assert [(one.source, one.free) for one in crm.coupons()] == [("autumn", 1), ("spring", 3)]


@pytest.mark.parametrize(
    ("source", "code", "error"),
    [("Spring!", "A1", InvalidName), ("spring", " ", InvalidValue), ("spring", "x" * 201, InvalidValue), ("spring", 7, InvalidValue)],
)  # fmt: skip
def test_what_is_no_code_is_refused(crm, source, code, error):
    with pytest.raises(error):
        crm.add_coupons(source, [code])


def test_where_no_code_is_left_nothing_is_sent_and_the_way_goes_on(crm, clock, recorder):
    people(crm, "ada", "bob")
    templates(crm, "hello")
    crm.add_coupons("spring", ["A1"])
    offer(crm, send("offer", coupon="spring"), wait("1d"), send("hello"))
    crm.work()
    assert crm.report("journey").skipped == {"no_coupon": 1}
    clock.turn("1d")
    crm.work()
    assert sorted(said(recorder)[1:]) == ["hello ada", "hello bob"]


def test_the_held_out_take_no_code(crm):
    people(crm, *(f"c{n}" for n in range(20)))
    crm.add_coupons("spring", [f"S{n}" for n in range(20)])
    offer(crm, holdout=0.5)
    crm.work()
    report = crm.report("journey")
    assert report.skipped.keys() == {"holdout"}
    assert pool(crm) == (report.skipped["holdout"], report.sent, 0)
    assert report.sent + report.skipped["holdout"] == 20


def test_whoever_has_no_address_takes_no_code(crm):
    crm.identify("ada", {"name": "Ada"})
    crm.add_coupons("spring", ["A1"])
    offer(crm)
    crm.work()
    assert crm.report("journey").skipped == {"no_address": 1}
    assert pool(crm) == (1, 0, 0)


def skip(crm, clock):
    crm.consent("ada", "retention", channel="note", granted=False)
    clock.turn("12h")
    crm.work()


def lapse(crm, clock):
    clock.turn("4d")
    crm.work()


ENDINGS = {
    "skipped": (skip, "skipped"),
    "expired": (lapse, "expired"),
    "cancelled": (lambda crm, clock: crm.cancel("journey"), "cancelled"),
}


@pytest.fixture
def planned(opening, clock):
    """A message that waits for the end of quiet hours, with its code."""
    crm = opening(policy={"zone": "UTC", "quiet": [{"from": "08:00", "to": "20:00"}]})
    people(crm, "ada")
    crm.add_coupons("spring", ["A1"])
    offer(crm)
    crm.work()
    assert pool(crm) == (0, 1, 0)
    return crm


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_ends_unsent_gives_its_code_back(planned, clock, ending):
    act, state = ENDINGS[ending]
    act(planned, clock)
    assert [one.state for one in planned.deliveries("journey")] == [state]
    assert pool(planned) == (1, 0, 0)


def test_a_code_given_back_goes_to_somebody_else(planned, clock):
    planned.cancel("journey")
    people(planned, "bob")
    planned.launch(
        journey(send("offer", coupon="spring"), name="again", audience=attribute("email") == "bob@example.com")
    )
    clock.turn("12h")
    planned.work()
    [(code, delivery_id)] = owners(planned).items()
    assert (code, fields(planned)[delivery_id]) == ("A1", "A1")


REFUSALS = {
    "failed": lambda one: Permanent(delivery_id=one.delivery_id, fault="content", code="no"),
    "deferred": lambda one: Retry(delivery_id=one.delivery_id, scope="message", after=0, code="busy"),
}


@pytest.mark.parametrize("answer", REFUSALS)
def test_what_was_handed_over_keeps_its_code_whatever_comes_of_it(crm, clock, recorder, answer):
    recorder.answer = REFUSALS[answer]
    people(crm, "ada")
    crm.add_coupons("spring", ["A1"])
    offer(crm)
    crm.work()
    clock.turn("4d")
    crm.work()
    assert [one.state for one in crm.deliveries("journey")] == ["expired" if answer == "deferred" else "failed"]
    assert pool(crm) == (0, 1, 0)


def test_what_is_in_doubt_keeps_its_code(crm, recorder):
    recorder.send = lambda batch: iter(())
    people(crm, "ada")
    crm.add_coupons("spring", ["A1"])
    offer(crm)
    crm.work()
    assert [one.state for one in crm.deliveries("journey")] == ["in_doubt"]
    crm.settle(crm.deliveries("journey")[0].id, "cancelled")
    assert pool(crm) == (0, 1, 0)


def test_what_is_tried_again_has_the_same_code(crm, recorder):
    recorder.answer = REFUSALS["failed"]
    people(crm, "ada")
    crm.add_coupons("spring", ["A1", "B2"])
    offer(crm)
    crm.work()
    crm.retry("journey")
    crm.work()
    assert said(recorder) == ["ada A1", "ada A1"]


def test_a_message_on_another_channel_has_the_code_of_the_one_it_stands_in_for(opening, clock):
    chat = Recorder(notes=Notes("chat", address_kinds=frozenset({"phone"})))
    night = {"channels": ["note"], "then": "chat", "from": "00:00", "to": "23:59"}
    crm = opening({"chat": chat}, policy={"zone": "UTC", "quiet": [night]})
    people(crm, "ada", phone="+441234567890")
    crm.consent("ada", "retention", channel="chat")
    crm.save_template("offer", "chat", {"text": "chat {{ message.coupon }}"})
    crm.add_coupons("spring", ["A1", "B2"])
    offer(crm)
    crm.work()
    assert said(chat) == ["chat A1"]
    [instead] = [one for one in crm.deliveries("journey") if one.channel == "chat"]
    assert owners(crm) == {"A1": instead.id, "B2": None}


def test_a_code_is_redeemed_once(crm, clock):
    crm.add_coupons("spring", ["A1", "B2"])
    crm.track("coupon_redeemed", "ada", ref="A1")
    first = redeemed(crm)
    clock.turn("1d")
    crm.track("coupon_redeemed", "bob", ref="A1")
    crm.track("coupon_redeemed", "bob", ref="UNHEARD-OF")
    assert (redeemed(crm), pool(crm)) == (first, (1, 0, 1))


def redeemed(crm) -> dict[str, int | None]:
    row = schema.coupon.c
    with crm._opened.reading() as scope:
        query = select(row.code, row.redeemed_at).where(row.workspace_id == scope.workspace_id)
        return {code: value for code, value in scope.connection.execute(query)}


def test_of_one_batch_the_earliest_time_is_kept(crm):
    crm.add_coupons("spring", ["A1"])
    now = crm.now()
    crm.track_many(
        {"name": "coupon_redeemed", "customer": "ada", "ref": "A1", "at": at} for at in (now - 5, now - 9, now - 7)
    )
    assert redeemed(crm) == {"A1": now - 9}


def test_a_code_redeemed_before_it_was_given_out_is_given_to_nobody(crm, recorder):
    people(crm, "ada")
    crm.add_coupons("spring", ["A1", "B2"])
    crm.track("coupon_redeemed", "bob", ref="A1")
    assert crm.add_coupons("spring", ["A1"]) == 0
    offer(crm)
    crm.work()
    assert said(recorder) == ["ada B2"]


def test_a_code_that_was_redeemed_is_not_given_back(planned):
    planned.track("coupon_redeemed", "ada", ref="A1")
    planned.cancel("journey")
    assert pool(planned) == (0, 0, 1)


def test_a_generator_is_asked_for_codes_when_there_are_none(opening, recorder):
    crm = opening({"tokens": TokenCodes("spring")})
    assert pool(crm) == (0, 0, 0)
    people(crm, "ada", "bob")
    offer(crm)
    crm.work()
    codes = [text.partition(" ")[2] for text in said(recorder)]
    assert len(set(codes)) == 2
    assert {len(code) for code in codes} == {10}
    assert pool(crm)[1:] == (2, 0)


def test_a_generator_that_repeats_itself_gives_each_code_once(opening, recorder):
    crm = opening({"tokens": TokenCodes("spring", length=1, alphabet="ABC")})
    people(crm, "ada", "bob", "cyd", "dan")
    offer(crm)
    crm.work()
    assert sorted(text.partition(" ")[2] for text in said(recorder)) == ["A", "B", "C"]
    assert crm.report("journey").skipped == {"no_coupon": 1}


def test_a_generator_that_breaks_stops_its_campaign_and_no_other(opening, recorder):
    broken = TokenCodes("spring")
    broken.codes = lambda count, seed: 1 / 0
    crm = opening({"tokens": broken})
    people(crm, "ada")
    templates(crm, "hello")
    offer(crm)
    crm.launch(journey(send("hello"), name="other"))
    worked = crm.work()
    assert said(recorder) == ["hello ada"]
    [waits] = worked.waiting
    assert str(CouponSourceFailed(source="spring", problem="ZeroDivisionError: division by zero")) == waits.problem


def test_a_campaign_that_gives_out_codes_of_nobody_is_refused_with_what_to_do(crm):
    people(crm, "ada")
    crm.add_coupons("autumn", ["A1"])
    with pytest.raises(UnknownCouponSource, match=r"step offer.*'spring'.*crm coupon add spring FILE.*Known: autumn"):
        offer(crm)


def test_only_a_step_with_a_coupon_may_speak_of_one(crm):
    people(crm, "ada")
    with pytest.raises(UndefinedField, match=r"message\.coupon"):
        offer(crm, send("offer"))


def test_whoever_leaves_before_the_message_goes_leaves_the_code(opening, clock):
    crm = opening(policy={"zone": "UTC", "quiet": [{"from": "08:00", "to": "20:00"}]})
    people(crm, "ada")
    crm.add_coupons("spring", ["A1"])
    offer(crm, exits=[Happens(event="order_placed")])
    crm.work()
    crm.track("order_placed", "ada")
    clock.turn("12h")
    crm.work()
    assert crm.report("journey").skipped == {"exited": 1}
    assert pool(crm) == (1, 0, 0)
