"""Who enters again, as a truth table: what reentry says, where the customer is, and what the policy says of it."""

from __future__ import annotations

import pytest

from crmcore.errors import InvalidTime
from crmcore.model.building import tag
from crmcore.model.happens import Happens, entered
from crmcore.model.triggers import OnCall, OnDate, OnSchedule, Reentry
from crmcore.store import schema
from tests.flow.journeys.test_dates import TOMORROW
from tests.flow.journeys.travelling import journey, people, said, send, templates, wait

ONCE, EVERY = Reentry(), Reentry(when="every", gap="7d")
MONTHLY = Reentry(when="interval", gap="30d")


def ways(crm) -> list[tuple[str, str]]:
    """Return where each way stands, the first first, and why it ended."""
    with crm._opened.reading() as scope:
        rows = scope.connection.execute(scope.rows(schema.enrolment)).mappings()
        return [(one["state"], one["reason"] or "") for one in sorted(rows, key=lambda row: row["id"])]


def refused(crm) -> dict[str, int]:
    with crm._opened.reading() as scope:
        rows = scope.connection.execute(scope.rows(schema.refusal)).mappings()
        return {row["reason"]: row["count"] for row in rows}


UNDER_WAY, OVER, EXITED = ("running", ""), ("completed", ""), ("exited", "order_placed")
RESTARTED = ("exited", "restarted")


@pytest.mark.parametrize(
    ("reentry", "policy", "before", "after_days", "then", "why"),
    [
        (ONCE, "ignore", UNDER_WAY, 1, [UNDER_WAY], "under_way"),
        (ONCE, "restart", UNDER_WAY, 1, [RESTARTED, UNDER_WAY], ""),
        (ONCE, "parallel", UNDER_WAY, 1, [UNDER_WAY, UNDER_WAY], ""),
        (ONCE, "ignore", OVER, 8, [OVER], "once"),
        (ONCE, "restart", EXITED, 8, [EXITED], "once"),
        (EVERY, "ignore", UNDER_WAY, 1, [UNDER_WAY], "under_way"),
        (EVERY, "ignore", OVER, 6, [OVER], "gap"),
        (EVERY, "ignore", OVER, 7, [OVER, UNDER_WAY], ""),
        (EVERY, "parallel", EXITED, 6, [EXITED], "gap"),
        (EVERY, "restart", EXITED, 7, [EXITED, UNDER_WAY], ""),
        (MONTHLY, "ignore", OVER, 29, [OVER], "gap"),
        (MONTHLY, "ignore", OVER, 30, [OVER, UNDER_WAY], ""),
    ],
)
def test_what_becomes_of_a_match(crm, clock, reentry, policy, before, after_days, then, why):
    people(crm, "ada")
    crm.launch(journey(wait("2d"), trigger="visited", reentry=reentry, policy=policy, exits=["order_placed"]))
    crm.track("visited", "ada")
    crm.work()
    if before == EXITED:
        crm.track("order_placed", "ada")
    if before == OVER:
        clock.turn("2d")
        crm.work()
    assert ways(crm) == [before]
    clock.turn(f"{after_days - (2 if before == OVER else 0)}d")
    crm.track("visited", "ada")
    assert ways(crm) == then
    assert refused(crm) == ({why: 1} if why else {})


@pytest.mark.parametrize(
    ("trigger", "reentry", "times"),
    [
        (OnSchedule(cron="0 9 * * *"), ONCE, 1),
        (OnSchedule(cron="0 9 * * *"), Reentry(when="every"), 21),
        (OnSchedule(cron="0 9 * * *"), EVERY, 3),
        (OnDate(attribute="day"), ONCE, 1),
        (OnDate(attribute="day"), Reentry(when="every"), 1),
        (None, ONCE, 1),
        (None, Reentry(when="interval", gap="7d"), 4),
    ],
)
def test_how_often_time_lets_in_within_three_weeks(crm, clock, trigger, reentry, times):
    people(crm, "ada", day=TOMORROW)
    templates(crm, "hello")
    crm.launch(journey(send("hello"), trigger=trigger, reentry=reentry))
    for _ in range(21):
        crm.work()
        clock.turn("1d")
    crm.work()
    assert len(ways(crm)) == times


def worked(crm, clock, *turns: str) -> list[int]:
    """Return how many ways there are after each turn of the clock, with work done before."""
    crm.work()
    counts = []
    for turn in turns:
        clock.turn(turn)
        crm.work()
        counts.append(len(ways(crm)))
    return counts


def test_an_interval_is_counted_from_the_last_entry(crm, clock):
    people(crm, "ada")
    templates(crm, "hello")
    crm.launch(journey(send("hello"), trigger="visited", reentry=MONTHLY))
    crm.track("visited", "ada")
    assert worked(crm, clock, "30d", "5d") == [2, 2]
    crm.track("visited", "ada")
    assert worked(crm, clock, "25d", "25d") == [3, 3]
    # A match after the gap lets in before the time, and counts from then on.
    assert worked(crm, clock, "5d") == [4]


def test_whoever_is_late_to_work_lets_in_once_and_keeps_the_times(crm, clock):
    people(crm, "ada")
    crm.launch(journey(wait("1m"), trigger=OnCall(), reentry=MONTHLY))
    crm.enter("journey", "ada")
    assert worked(crm, clock, "1d", "70d", "18d", "1d") == [1, 2, 2, 3]


@pytest.mark.parametrize("policy", ["ignore", "restart", "parallel"])
def test_whoever_is_under_way_at_a_time_enters_at_the_next(crm, clock, policy):
    people(crm, "ada")
    crm.launch(journey(wait("40d"), trigger=OnCall(), reentry=MONTHLY, policy=policy))
    crm.enter("journey", "ada")
    assert worked(crm, clock, "30d", "10d", "20d") == [1, 1, 2]


def test_whoever_left_the_audience_does_not_enter_until_it_is_back(crm, clock):
    people(crm, "ada")
    crm.identify("ada", {}, tags=["vip"])
    crm.launch(journey(wait("1d"), trigger=OnCall(), reentry=MONTHLY, audience=tag("vip")))
    crm.enter("journey", "ada")
    assert worked(crm, clock, "1d", "29d") == [1, 2]
    crm.identify("ada", {}, untags=["vip"])
    assert worked(crm, clock, "30d") == [2]
    crm.identify("ada", {}, tags=["vip"])
    assert worked(crm, clock, "29d", "1d") == [2, 3]


def test_whoever_a_segment_let_in_enters_as_long_as_it_is_in_it(crm, clock):
    people(crm, "ada", "bob")
    crm.define_segment("vips", tag("vip"))
    crm.launch(journey(wait("1d"), trigger=entered("vips"), reentry=MONTHLY))
    crm.work()
    for key in ("ada", "bob"):
        crm.identify(key, {}, tags=["vip"])
    assert worked(crm, clock, "1d") == [2]
    crm.identify("bob", {}, untags=["vip"])
    assert worked(crm, clock, "29d", "30d") == [3, 4]


def test_the_way_of_a_cart_begins_again_with_its_cart(crm, clock):
    people(crm, "ada")
    crm.launch(journey(wait("1d"), trigger=Happens(event="cart_updated", key="ref"), reentry=MONTHLY))
    crm.track("cart_updated", "ada", ref="c1")
    assert worked(crm, clock, "1d", "29d") == [1, 2]
    with crm._opened.reading() as scope:
        rows = scope.connection.execute(scope.rows(schema.enrolment)).mappings()
        assert sorted((row["key"], row["occurrence"]) for row in rows) == [("c1", 1), ("c1", 2)]


@pytest.fixture
def two(crm):
    """Somebody known by a key, and somebody who is not, of whom the latter entered: a way, and another a month later."""
    people(crm, "ada")
    crm.identify({"anonymous": "a"}, {})
    crm.launch(journey(wait("1d"), trigger=OnCall(), reentry=MONTHLY))
    crm.enter("journey", {"anonymous": "a"})
    return crm


def test_whoever_is_merged_enters_again_as_the_one_it_is_part_of(two, clock):
    two.merge({"anonymous": "a"}, "ada")
    assert worked(two, clock, "29d", "1d", "30d") == [1, 2, 3]


def test_two_who_entered_and_become_one_enter_again_as_one(two, clock):
    two.enter("journey", "ada")
    two.merge({"anonymous": "a"}, "ada")
    assert worked(two, clock, "30d", "1d") == [3, 3]


def test_two_who_are_parted_enter_again_each_by_itself(two, clock):
    two.enter("journey", "ada")
    two.merge({"anonymous": "a"}, "ada")
    assert worked(two, clock, "30d") == [3]
    two.unmerge({"anonymous": "a"}, "ada")
    assert worked(two, clock, "29d", "1d", "30d") == [4, 6, 8]


def test_a_broadcast_goes_again_each_interval_to_its_audience(crm, clock, recorder):
    people(crm, "ada", "bob")
    crm.save_template("hello", "note", {"text": "hello {{ customer.key }}"})
    crm.launch(journey(channel="note", template="hello", reentry=MONTHLY))
    crm.work()
    assert worked(crm, clock, "30d", "30d") == [4, 6]
    assert len(said(recorder)) == 6


def test_a_campaign_that_says_an_interval_later_counts_it_from_the_last_entry_of_each(crm, clock):
    people(crm, "ada")
    crm.launch(journey(wait("1d"), trigger=OnCall()))
    crm.enter("journey", "ada")
    assert worked(crm, clock, "10d") == [1]
    crm.revise(journey(wait("1d"), trigger=OnCall(), reentry=MONTHLY))
    assert worked(crm, clock, "19d", "1d") == [1, 2]
    crm.revise(journey(wait("1d"), trigger=OnCall()))
    assert worked(crm, clock, "60d") == [2]


def test_a_run_that_is_cancelled_lets_nobody_in_again(crm, clock):
    people(crm, "ada")
    crm.launch(journey(wait("1d"), trigger=OnCall(), reentry=MONTHLY))
    crm.enter("journey", "ada")
    crm.cancel("journey")
    assert worked(crm, clock, "60d") == [1]


def test_an_interval_needs_a_gap():
    with pytest.raises(InvalidTime, match="needs a gap"):
        Reentry(when="interval")
