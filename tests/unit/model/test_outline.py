"""Every kind of step, and every trigger, says in words what it does."""

from __future__ import annotations

import pytest

from crmcore.model.building import event, tag
from crmcore.model.campaign import Goal
from crmcore.model.happens import Happens, entered
from crmcore.model.outline import outline, says, trigger_says
from crmcore.model.steps import (
    KINDS,
    AddToSegment,
    Arm,
    Branch,
    Call,
    Emit,
    Enter,
    Exit,
    Send,
    Split,
    Update,
    Wait,
    WaitDate,
    WaitFor,
    WaitUntil,
    Webhook,
)
from crmcore.model.triggers import OnCall, OnDate, OnSchedule
from tests.flow.journeys.travelling import journey, send, wait

SAID = [
    (Send(name="s", template="hello", channels=["email", "push"]), "send hello by email or push"),
    (
        Send(name="s", template="hello", channels="email", holdout=0.1, coupon="spring"),
        "send hello by email, with a coupon of spring, 10% held out",
    ),
    (Wait(name="s", lasting="3d"), "wait 3d"),
    (WaitUntil(name="s", at="09:00"), "wait until 09:00"),
    (WaitUntil(name="s", at="09:00", weekdays=["mon", "fri"]), "wait until 09:00 on mon, fri"),
    (WaitDate(name="s", attribute="renewal", offset="-3d"), "wait until 3d before renewal, at 09:00"),
    (WaitDate(name="s", attribute="renewal", at="10:00"), "wait until renewal, at 10:00"),
    (
        WaitFor(name="s", event=event("paid").where(plan="pro"), timeout="2d"),
        'wait for paid where (plan = "pro"), 2d at most',
    ),
    (
        WaitFor(name="s", event=Happens(event="paid", key="ref"), timeout="2d"),
        "wait for paid, of the same ref, 2d at most",
    ),
    (Branch(name="s", condition=tag("vip")), 'if tag "vip"'),
    (Split(name="s", arms=[Arm(name="a"), Arm(name="b")]), "part by chance"),
    (
        Update(name="s", attributes={"stage": "new", "old": None}, tags="a", untags="b"),
        "note stage = new, no old, tag a, no tag b",
    ),
    (AddToSegment(name="s", segment="vips"), "add to segment vips"),
    (Emit(name="s", event="thanked", person="referred_by"), "emit thanked of referred_by"),
    (Webhook(name="s", url="crm_hook"), "post to crm_hook"),
    (Call(name="s", step="score"), "call score"),
    (Enter(name="s", campaign="other"), "let enter other"),
    (Exit(name="s"), "end here"),
]


@pytest.mark.parametrize(("step", "words"), SAID, ids=lambda one: str(one)[:40])
def test_a_step_says_what_it_does(step, words):
    assert says(step) == words


def test_there_is_no_kind_of_step_without_words():
    assert {type(step) for step, _ in SAID} == set(KINDS.values())


@pytest.mark.parametrize(
    ("trigger", "words"),
    [
        (None, "the launch, for the whole audience"),
        (Happens(event="cart_updated", key="ref"), "cart_updated, a way of its own for each ref"),
        (entered("vips"), 'segment_entered where (ref = "vips")'),
        (OnDate(attribute="birth_date"), "birth_date, at 09:00, every year"),
        (OnDate(attribute="renewal", offset="-30d", yearly=False), "30d before renewal, at 09:00, once"),
        (OnDate(attribute="renewal", offset="36h"), "36h after renewal, at 09:00, every year"),
        (OnSchedule(cron="0 9 * * mon", zone="Europe/London"), "at the times of '0 9 * * mon' (Europe/London)"),
        (OnCall(), "whoever crm.enter names"),
    ],
    ids=str,
)
def test_a_trigger_says_who_enters(trigger, words):
    assert trigger_says(trigger) == words


def test_an_outline_says_who_stands_where_and_what_of_them_is_at_steps_that_are_no_more():
    found = outline(
        journey(send("hello"), wait("1d"), goal=Goal(event="paid"), exits=["left"]), {"": 2, "wait_1d": 5, "old": 1}
    )
    assert [(one.name, one.standing) for one in found.steps] == [("hello", 0), ("wait_1d", 5)]
    assert (found.setting_out, found.elsewhere, found.exits) == (2, {"old": 1}, ("left",))
    assert found.goals == ("paid within 14d, revenue of order_placed, due to the last message",)


def test_the_arms_of_a_split_say_their_shares_and_levers():
    parts = Split(name="parts", arms=[Arm(name="a", weight=3, lever="subject"), Arm(name="b")])
    [step, _] = outline(journey(parts, send("hello"))).steps
    assert [one.says for one in step.leads] == ["a, 75%, subject", "b, 25%"]
