"""What came of a campaign of steps: ways, books, arms, goals computed from the log, and what spilled over."""

from __future__ import annotations

from collections import Counter

import pytest

from crmcore import CRM
from crmcore.cli.reporting import report_tables
from crmcore.flow.journeys.reporting import spill_over
from crmcore.hooks.provider import Permanent
from crmcore.model.attribution import WHOLE, Credit
from crmcore.model.building import event, tag
from crmcore.model.campaign import Goal
from crmcore.model.delivery import BOOKS, Book, State
from crmcore.model.steps import Arm, Branch, Split
from crmcore.model.time import DAY
from crmcore.model.triggers import OnCall, Reentry
from tests.flow.journeys.travelling import journey, people, send, templates, wait

GOAL = Goal(event="order_placed", within="7d")
MANY = [str(number) for number in range(120)]


def order(crm: CRM, *customers, amount=500, currency="EUR", **said) -> None:
    given = {"name": "order_placed", "amount": amount, "currency": currency, "at": crm.now() + 1}
    crm.track_many({**given, "customer": one, **said} for one in customers)


def launched(crm: CRM, *steps, keys=MANY, **changes) -> CRM:
    people(crm, *keys)
    templates(crm, "hello", "again", "long", "short")
    crm.launch(journey(*steps, **{"goal": GOAL} | changes))
    crm.work()
    return crm


def total(step) -> int:
    return step.sent + step.waiting + step.in_doubt + sum(step.failed.values()) + sum(step.skipped.values())


# -- ways and books -------------------------------------------------------------------------------------------------------


def test_ways_are_counted_by_what_became_of_them(crm):
    people(crm, "ada", "bob", "cyd", "dan")
    crm.identify_many({"customer": one, "tags": ["vip"]} for one in ("ada", "bob", "cyd"))
    templates(crm, "hello")
    asked = Branch(name="asked", condition=event("app_opened").did(), then="end")
    said = {"trigger": "signed_up", "exits": ["order_placed"], "audience": tag("vip")}
    crm.launch(journey(send("hello"), asked, wait("1d"), **said))
    crm.track("app_opened", "ada")
    for one in ("ada", "bob", "cyd", "dan", "bob"):
        crm.track("signed_up", one)
    crm.work()
    order(crm, "cyd")
    found = crm.report("journey").journey
    assert (found.entered, found.customers, found.under_way, found.completed) == (3, 3, 1, 1)
    assert found.exited == {"order_placed": 1}
    assert found.refused == {"audience": 1, "under_way": 1}


def test_the_books_of_every_step_balance_at_every_moment(crm, clock, recorder):
    fates = [None, "content", None, "bounce"]
    accept = recorder.answer
    recorder.answer = lambda one: (
        Permanent(delivery_id=one.delivery_id, fault=fate) if (fate := fates[len(recorder.sent) % 4]) else accept(one)
    )
    people(crm, *MANY[:20])
    crm.identify_many({"customer": f"x{number}"} for number in range(3))
    templates(crm, "hello", "again")
    crm.launch(journey(send("hello"), wait("1d"), send("again"), exits=["order_placed"], holdout=0.2))
    for day in range(3):
        crm.work(limit=0 if day == 1 else None)
        order(crm, str(day))
        units = Counter(one.state for one in crm.deliveries("journey"))
        report = crm.report("journey")
        assert all(one.eligible == total(one) for one in report.journey.steps)
        assert sum(one.eligible for one in report.journey.steps) == report.eligible == units.total()
        sent = sum(count for state, count in units.items() if BOOKS[State(state)] is Book.SENT)
        assert sum(one.sent for one in report.journey.steps) == sent
        clock.turn("1d")
    hello, again = report.journey.steps
    assert hello.skipped["no_address"] == 3
    assert {one.partition(":")[0] for one in hello.failed} == {"content", "bounce"}
    assert again.skipped["exited"] > 0


def test_a_broadcast_has_no_ways(crm):
    people(crm, "ada")
    templates(crm, "hello")
    crm.launch(journey(channel="note", template="hello"))
    crm.work()
    assert crm.report("journey").journey is None


# -- arms -----------------------------------------------------------------------------------------------------------------


def test_the_campaign_is_compared_by_whom_it_holds_out_whatever_a_step_does(crm, clock):
    launched(crm, send("hello", holdout=0.5), wait("1d"), send("again"), holdout=0.3)
    clock.turn("1d")
    crm.work()
    report = crm.report("journey")
    assert report.held_out.customers == report.journey.held_out
    assert report.treated.customers == len(MANY) - report.journey.held_out
    assert report.sample_ratio.share == 0.3


def test_a_step_is_compared_with_those_it_holds_out_among_those_the_campaign_treats(crm):
    launched(crm, send("hello", holdout=0.5), holdout=0.3)
    order(crm, *(one.key for one in crm.deliveries("journey") if not one.held_out))
    report = crm.report("journey")
    [step] = report.journey.steps
    assert step.holdout.treated.customers + step.holdout.held_out.customers == report.treated.customers
    assert step.holdout.lift.difference == 1
    assert step.holdout.revenue["EUR"].difference == 500
    assert report.lift.treated == pytest.approx(step.holdout.treated.customers / report.treated.customers)


def test_the_arms_of_a_split_are_all_who_came_by_it_and_are_compared_with_the_first(crm, recorder):
    parts = Split(name="subject", arms=[Arm(name="a", then="long", lever="subject"), Arm(name="b", then="short")])
    launched(crm, parts, send("long", then="end"), send("short"), holdout=0.2)
    got_long = [one.body.decode().split()[1] for one in recorder.sent if one.body.startswith(b"long")]
    order(crm, *got_long)
    report = crm.report("journey")
    a, b = report.journey.arms
    assert (a.arm, a.lever, a.counted.customers, a.counted.converted) == ("a", "subject", len(got_long), len(got_long))
    assert a.counted.customers + b.counted.customers == len(MANY) - report.journey.held_out
    assert (a.lift, b.lift.difference, b.revenue["EUR"].difference) == (None, -1, -500)


def test_an_arm_that_sends_nothing_counts_as_well(crm):
    parts = Split(name="more", arms=[Arm(name="nothing", then="end"), Arm(name="mail", then="hello")])
    launched(crm, parts, send("hello"))
    nothing, mail = crm.report("journey").journey.arms
    assert nothing.counted.customers > 0
    assert nothing.counted.customers + mail.counted.customers == len(MANY)


def test_what_was_before_a_split_is_no_outcome_of_its_arms(crm, clock):
    parts = Split(name="subject", arms=[Arm(name="a", then="end"), Arm(name="b", then="end")])
    launched(crm, wait("2d"), parts)
    order(crm, *MANY)
    clock.turn("2d")
    crm.work()
    assert [one.counted.converted for one in crm.report("journey").journey.arms] == [0, 0]


# -- goals ----------------------------------------------------------------------------------------------------------------


def two_messages(crm: CRM, clock, attribution: str, **changes) -> CRM:
    goal = Goal(event="order_placed", within="7d", attribution=attribution)
    launched(crm, send("hello"), wait("2d"), send("again"), keys=["ada", "bob"], goal=goal, **changes)
    clock.turn("2d")
    crm.work()
    return crm


@pytest.mark.parametrize(
    ("attribution", "hello", "again"),
    [
        ("first", Credit(conversions=WHOLE, revenue={"EUR": 333}), None),
        ("last", None, Credit(conversions=WHOLE, revenue={"EUR": 333})),
        (
            "linear",
            Credit(conversions=WHOLE // 2, revenue={"EUR": 167}),
            Credit(conversions=WHOLE // 2, revenue={"EUR": 166}),
        ),
    ],
)
def test_a_goal_is_due_to_messages_as_it_says(crm, clock, attribution, hello, again):
    two_messages(crm, clock, attribution)
    order(crm, "ada", amount=333)
    [goal] = crm.report("journey").goals
    assert (goal.customers, goal.conversions, goal.revenue) == (1, 1, {"EUR": 333})
    assert (goal.steps.get("hello"), goal.steps.get("again")) == (hello, again)


def test_only_messages_within_the_window_before_the_event_count(crm, clock):
    two_messages(crm, clock, "first")
    clock.turn("6d")
    order(crm, "ada", amount=333)
    clock.turn("2d")
    order(crm, "bob", amount=999)
    [goal] = crm.report("journey").goals
    assert (goal.revenue, set(goal.steps)) == ({"EUR": 333}, {"again"})


def test_whoever_is_held_out_converts_by_no_message(crm):
    launched(crm, send("hello"), holdout=0.5)
    order(crm, *MANY)
    report = crm.report("journey")
    assert report.goals[0].conversions == report.treated.customers


def test_there_are_several_goals_each_with_its_own_window_and_event(crm, clock):
    further = [Goal(event="app_opened", within="1d", revenue="tip_given")]
    two_messages(crm, clock, "last", goals=further)
    crm.track("app_opened", "ada", at=clock.now() + 1)
    crm.track("tip_given", "bob", at=clock.now() + 1, amount=7, currency="JPY")
    clock.turn("2d")
    order(crm, "ada")
    crm.track("app_opened", "bob", at=clock.now())
    bought, opened = crm.report("journey").goals
    assert (bought.conversions, bought.revenue) == (1, {"EUR": 500})
    assert (opened.conversions, opened.revenue) == (1, {"JPY": 7})


def test_a_goal_is_due_to_the_arms_its_messages_came_by(crm):
    parts = Split(name="subject", arms=[Arm(name="a", then="long"), Arm(name="b", then="short")])
    launched(crm, parts, send("long", then="end"), send("short"))
    order(crm, *MANY, amount=10)
    report = crm.report("journey")
    credit = report.goals[0].arms
    assert {name: one.conversions // WHOLE for name, one in credit.items()} == {
        f"subject={one.arm}": one.counted.customers for one in report.journey.arms
    }
    assert sum(one.revenue["EUR"] for one in credit.values()) == 1200


def from_the_log(crm: CRM, keys) -> tuple[int, int]:
    """The oracle: what is due to the last message before each order, no longer ago than the window, one customer at a time."""
    conversions = revenue = 0
    for key in keys:
        handed = [one.handed_at for one in crm.explain("journey", key).messages if one.handed_at and not one.held_out]
        for one in crm.timeline(key):
            if one.name == "order_placed" and any(at < one.at <= at + GOAL.window for at in handed):
                conversions, revenue = conversions + 1, revenue + one.amount
    return conversions, revenue


def test_goals_follow_the_log_after_a_merge_a_late_event_an_unmerge_and_a_rebuild(crm, clock):
    launched(crm, send("hello"), wait("2d"), send("again"), keys=["ada", "bob", "cyd"])
    crm.identify({"anonymous": "phone"})
    changes = [
        lambda: order(crm, "ada", "bob", amount=100),
        lambda: crm.track("order_placed", {"anonymous": "phone"}, amount=40, currency="EUR", at=clock.now() + 1),
        lambda: crm.merge({"anonymous": "phone"}, "ada"),
        lambda: clock.turn("3d"),
        lambda: crm.track("order_placed", "cyd", amount=9, currency="EUR", at=clock.now() - DAY),
        lambda: crm.unmerge({"anonymous": "phone"}, "ada"),
        crm.rebuild,
    ]
    seen = set()
    for change in changes:
        change()
        crm.work()
        [goal] = crm.report("journey").goals
        said = (goal.conversions, goal.revenue.get("EUR", 0))
        assert said == from_the_log(crm, ["ada", "bob", "cyd"])
        seen.add(said)
    assert len(seen) > 3


# -- other campaigns ------------------------------------------------------------------------------------------------------


def test_it_says_how_many_messages_of_other_campaigns_each_arm_got_meanwhile(crm, clock):
    launched(crm, send("hello"), holdout=0.5)
    crm.launch(journey(send("again"), name="other", trigger=OnCall(), reentry=Reentry(when="every")))
    held = [one.key for one in crm.deliveries("journey") if one.held_out]
    treated = [one for one in MANY if one not in held]
    for customers in (held, held, treated[:1]):
        clock.turn("1d")
        crm.enter("other", customers)
        crm.work()
    clock.turn("7d")
    crm.enter("other", treated)
    crm.work()
    found = crm.report("journey").journey.spill_over
    assert (found.treated_messages, found.held_out_messages) == (1, 2 * len(held))
    assert found.ratio == pytest.approx(2 * len(treated))


def test_an_alarm_says_that_the_arms_got_unlike_numbers_of_other_messages():
    alike = spill_over({False: {0: 500, 1: 500}, True: {0: 250, 1: 250}}, DAY)
    unlike = spill_over({False: {0: 700, 1: 300}, True: {0: 100, 1: 400}}, DAY)
    few = spill_over({False: {0: 7, 1: 3}, True: {1: 4}}, DAY)
    assert [one.alarm for one in (alike, unlike, few)] == [False, True, False]
    assert (alike.ratio, unlike.ratio) == (1, pytest.approx(0.8 / 0.3))


# -- in words -------------------------------------------------------------------------------------------------------------


def test_the_command_states_denominators_and_the_horizon(crm, capsys):
    parts = Split(name="subject", arms=[Arm(name="a", then="hello", lever="subject"), Arm(name="b", then="hello")])
    launched(crm, parts, send("hello", holdout=0.3), holdout=0.3)
    order(crm, *MANY[::2])
    report_tables(crm.report("journey", days=30))
    said = " ".join(capsys.readouterr().out.split())
    for words in (
        "entered (120 customers)",
        "within 30 days of a customer's first message",
        "Step hello, 30.0% of it held out: goal within 30 days of its message",
        "Split subject: all who came by it, goal within 30 days from then on",
        "Lift of b over a:",
        "Other campaigns: within 30 days",
        "due to last",
    ):
        assert words in said
