"""Dates of customers let them in: once each year, whatever becomes of dates, zones and customers."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmcore.errors import InvalidCampaign
from crmcore.model.building import tag
from crmcore.model.triggers import OnDate, Reentry
from crmcore.store import schema
from tests.flow.journeys.travelling import days, journey, people, said, send, templates

BIRTHDAY = OnDate(attribute="birth_date")
#: The clock begins at noon of this day.
TODAY = date(2026, 3, 1)
TOMORROW, YESTERDAY = TODAY + timedelta(days=1), TODAY - timedelta(days=1)
NUMBERS = count()


def greet(crm, trigger=BIRTHDAY, **changes):
    templates(crm, "hello")
    crm.launch(journey(send("hello"), trigger=trigger, **changes))


def work_at(crm, clock, *moments: str) -> None:
    for moment in moments:
        clock.turn(datetime.fromisoformat(moment).replace(tzinfo=UTC) - datetime.fromtimestamp(clock.now() / 1e6, UTC))
        crm.work()


def entries(crm) -> list[tuple[int, str]]:
    with crm._opened.reading() as scope:
        rows = scope.connection.execute(scope.rows(schema.enrolment)).mappings()
        return sorted((row["customer_id"], row["key"]) for row in rows)


def keys(crm) -> list[str]:
    return [key for _, key in entries(crm)]


def timers(crm) -> list[str]:
    with crm._opened.reading() as scope:
        rows = scope.connection.execute(scope.rows(schema.timer)).mappings()
        due = sorted(row["due_at"] for row in rows)
        return [f"{datetime.fromtimestamp(one / 1e6, UTC):%Y-%m-%d %H:%M}" for one in due]


def test_a_birthday_lets_in_at_nine_on_the_customers_clock(crm, clock, recorder):
    people(crm, "ada", birth_date=date(1990, 3, 3), time_zone="America/New_York")
    people(crm, "bob", birth_date=date(1980, 3, 3))
    greet(crm)
    work_at(crm, clock, "2026-03-03T08:59")
    assert said(recorder) == []
    work_at(crm, clock, "2026-03-03T09:00", "2026-03-03T13:59")
    assert said(recorder) == ["hello bob"]
    work_at(crm, clock, "2026-03-03T14:00")
    assert said(recorder) == ["hello bob", "hello ada"]


def test_it_does_so_each_year_once(crm, clock, recorder):
    people(crm, "ada", birth_date=date(2000, 2, 29))
    greet(crm)
    for _ in days(crm, clock, 4 * 73, by="5d"):
        pass
    assert keys(crm) == ["2026", "2027", "2028", "2029"]


def test_a_clock_turned_by_days_lets_in_all_the_same(crm, clock, recorder):
    people(crm, "ada", birth_date=TOMORROW)
    greet(crm)
    crm.work()
    clock.turn("5d")
    crm.work()
    assert said(recorder) == ["hello ada"]


@pytest.mark.parametrize(
    ("offset", "day", "enters"),
    [
        ("0d", TODAY, True),
        ("0d", YESTERDAY, False),
        ("-7d", TODAY, True),
        ("-7d", YESTERDAY, False),
        ("-7d", date(2026, 3, 5), True),
        ("1d", YESTERDAY, True),
        ("1d", date(2026, 2, 27), False),
    ],
)
def test_a_date_that_becomes_known_late_counts_until_its_day_is_over(crm, offset, day, enters):
    greet(crm, OnDate(attribute="ends", offset=offset))
    people(crm, "ada", ends=day)
    crm.work()
    assert keys(crm) == ["2026"] * enters


def test_a_campaign_that_is_launched_late_lets_in_whose_day_is_not_over(crm):
    people(crm, "ada", birth_date=TODAY)
    people(crm, "bob", birth_date=YESTERDAY)
    greet(crm)
    crm.work()
    assert keys(crm) == ["2026"]


def test_a_date_that_is_put_right_counts_in_its_place(crm, clock, recorder):
    people(crm, "ada", birth_date=date(1990, 3, 2))
    greet(crm)
    crm.work()
    crm.identify("ada", {"birth_date": date(1990, 3, 4)})
    work_at(crm, clock, "2026-03-02T09:00", "2026-03-03T09:00")
    assert said(recorder) == []
    work_at(crm, clock, "2026-03-04T09:00")
    assert said(recorder) == ["hello ada"]


def test_a_date_that_is_moved_once_it_has_let_in_does_so_next_year(crm, clock, recorder):
    people(crm, "ada", birth_date=date(1990, 3, 1))
    greet(crm)
    crm.work()
    crm.identify("ada", {"birth_date": date(1990, 4, 4)})
    work_at(crm, clock, "2026-04-04T09:00", "2026-12-31T09:00")
    assert keys(crm) == ["2026"]
    work_at(crm, clock, "2027-04-04T09:00")
    assert keys(crm) == ["2026", "2027"]


def test_a_date_that_is_taken_away_lets_nobody_in(crm, clock):
    people(crm, "ada", birth_date=TOMORROW)
    greet(crm)
    crm.work()
    clock.turn("1m")
    crm.identify("ada", {"birth_date": None})
    assert timers(crm) == []
    work_at(crm, clock, "2026-03-03T09:00")
    assert keys(crm) == []


def test_what_is_said_again_while_nobody_works_is_not_lost(crm, clock, recorder):
    people(crm, "ada", birth_date=TOMORROW)
    greet(crm)
    crm.work()
    clock.turn("5d")
    crm.identify("ada", {"birth_date": TOMORROW})
    crm.work()
    assert said(recorder) == ["hello ada"]


def test_a_customer_that_moves_is_let_in_by_its_new_clock(crm, clock):
    people(crm, "ada", birth_date=TOMORROW)
    greet(crm)
    crm.work()
    crm.identify("ada", {"time_zone": "Asia/Tokyo"})
    assert timers(crm) == ["2026-03-02 00:00"]


def test_where_no_zone_is_said_the_clock_of_the_policy_counts(open_crm, clock, new_database, recorder):
    from crmcore import CRM

    plugins = {"recorder": recorder}
    with CRM(
        new_database("zoned.db"), clock=clock, plugins=plugins, blocked=["crm_email"], policy={"zone": "Asia/Tokyo"}
    ) as crm:
        people(crm, "ada", birth_date=TOMORROW)
        greet(crm)
        crm.work()
        assert timers(crm) == ["2026-03-02 00:00"]


def test_a_date_lets_in_whom_the_audience_has_that_day(crm, clock, recorder):
    people(crm, "ada", "bob", birth_date=TOMORROW)
    greet(crm, audience=tag("vip"))
    crm.work()
    crm.identify("ada", {}, tags=["vip"])
    work_at(crm, clock, "2026-03-02T09:00")
    assert said(recorder) == ["hello ada"]


def test_whatever_reentry_and_policy_say_it_is_once_a_year(crm, clock):
    people(crm, "ada", birth_date=TODAY)
    greet(crm, reentry=Reentry(when="every"), policy="parallel")
    crm.work()
    crm.identify("ada", {"birth_date": TOMORROW})
    work_at(crm, clock, "2026-03-02T09:00")
    assert keys(crm) == ["2026"]


def test_a_date_that_does_not_come_round_lets_in_once_for_each_day_that_it_says(crm, clock):
    people(crm, "ada", ends=date(2026, 3, 10))
    greet(crm, OnDate(attribute="ends", offset="-3d", yearly=False))
    work_at(crm, clock, "2026-03-07T09:00", "2027-03-07T09:00")
    assert keys(crm) == ["2026-03-10"]
    crm.identify("ada", {"ends": date(2027, 3, 10)})
    work_at(crm, clock, "2027-03-07T09:01")
    assert keys(crm) == ["2026-03-10", "2027-03-10"]


def test_two_who_become_one_are_let_in_once(crm, clock):
    people(crm, "ada", birth_date=TOMORROW)
    crm.identify({"anonymous": "a"}, {"birth_date": TOMORROW})
    greet(crm)
    crm.work()
    crm.merge({"anonymous": "a"}, "ada")
    assert timers(crm) == ["2026-03-02 09:00"]
    work_at(crm, clock, "2026-03-02T09:00", "2026-03-03T09:00")
    assert keys(crm) == ["2026"]


def test_one_that_entered_and_becomes_another_is_not_let_in_again(crm, clock):
    people(crm, "ada", birth_date=date(1990, 3, 5))
    crm.identify({"anonymous": "a"}, {"birth_date": TOMORROW})
    greet(crm)
    work_at(crm, clock, "2026-03-02T09:00")
    crm.merge({"anonymous": "a"}, "ada")
    work_at(crm, clock, "2026-03-05T09:00", "2026-12-31T09:00")
    assert keys(crm) == ["2026"]


def test_an_entry_stays_with_whom_the_date_was_said_of_when_they_are_parted(crm, clock):
    people(crm, "ada")
    crm.identify({"anonymous": "a"}, {"birth_date": TOMORROW})
    greet(crm)
    crm.merge({"anonymous": "a"}, "ada")
    work_at(crm, clock, "2026-03-02T09:00")
    crm.unmerge({"anonymous": "a"}, "ada")
    work_at(crm, clock, "2026-03-02T10:00")
    assert entries(crm) == [(crm.customer({"anonymous": "a"}).id, "2026")]


def test_a_run_that_stands_still_lets_in_and_goes_on_once_it_may(crm, clock, recorder):
    people(crm, "ada", birth_date=TOMORROW)
    greet(crm)
    crm.work()
    crm.pause("journey")
    work_at(crm, clock, "2026-03-02T09:00")
    assert (keys(crm), said(recorder)) == (["2026"], [])
    crm.resume("journey")
    crm.work()
    assert said(recorder) == ["hello ada"]


def test_a_run_that_is_cancelled_lets_nobody_in(crm, clock):
    people(crm, "ada", birth_date=TOMORROW)
    greet(crm)
    crm.work()
    crm.cancel("journey")
    crm.identify("ada", {"birth_date": TODAY})
    assert timers(crm) == []
    work_at(crm, clock, "2026-03-02T09:00")
    assert keys(crm) == []


def test_a_run_that_is_changed_goes_by_the_date_it_says_then(crm, clock):
    people(crm, "ada", birth_date=TOMORROW, ends=date(2026, 3, 10))
    greet(crm)
    crm.work()
    crm.revise(journey(send("hello"), trigger=OnDate(attribute="ends")))
    work_at(crm, clock, "2026-03-02T09:00", "2026-03-10T08:59")
    assert keys(crm) == []
    work_at(crm, clock, "2026-03-10T09:00")
    assert keys(crm) == ["2026"]


def test_dates_are_looked_through_a_batch_a_transaction(crm, monkeypatch):
    monkeypatch.setattr("crmcore.flow.journeys.ringing.BATCH", 3)
    people(crm, *map(str, range(10)), birth_date=TODAY)
    greet(crm)
    crm.work()
    assert keys(crm) == ["2026"] * 10
    assert timers(crm) == ["2027-03-01 09:00"] * 10


def test_an_interval_does_not_go_with_a_date(crm):
    with pytest.raises(InvalidCampaign, match="come round by themselves"):
        greet(crm, reentry=Reentry(when="interval", gap="30d"))


DAYS = st.dates(YESTERDAY, TODAY + timedelta(days=20)) | st.just(date(2000, 2, 29))
ACTS = st.one_of(
    st.tuples(st.just("say"), st.sampled_from(["ada", "a"]), DAYS | st.none()),
    st.tuples(st.just("move"), st.just("ada"), st.sampled_from(["Asia/Tokyo", "America/New_York"])),
    st.tuples(st.just("turn"), st.just(""), st.sampled_from(["1h", "12h", "3d", "200d"])),
    st.tuples(st.sampled_from(["merge", "unmerge"]), st.just(""), st.none()),
)


@settings(deadline=None, max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=st.lists(ACTS, min_size=4, max_size=10))
def test_nobody_is_let_in_twice_a_year_whatever_is_said(open_crm, acts):
    crm = open_crm(f"dates-{next(NUMBERS)}.db")
    crm.identify("ada", {})
    crm.identify({"anonymous": "a"}, {})
    greet(crm)
    for act, who, what in acts:
        crm._opened.clock.turn("1m")
        named = {"anonymous": "a"} if who == "a" else who
        match act:
            case "say":
                crm.identify(named, {"birth_date": what})
            case "move":
                crm.identify(named, {"time_zone": what})
            case "turn":
                crm._opened.clock.turn(what)
            case "merge":
                crm.merge({"anonymous": "a"}, "ada")
            case "unmerge":
                crm.unmerge({"anonymous": "a"}, "ada")
        crm.work()
    found = entries(crm)
    assert len(found) == len(set(found))
