"""Schedules let the whole audience in, a batch a transaction."""

from __future__ import annotations

import pytest

from crmcore.errors import InvalidCampaign
from crmcore.model.building import tag
from crmcore.model.triggers import OnSchedule, Reentry
from crmcore.store import schema
from tests.flow.journeys.test_dates import entries, keys, timers, work_at
from tests.flow.journeys.travelling import journey, people, said, send, templates, wait

EACH_TIME = Reentry(when="every")
#: The clock begins at noon of Sunday, 1 March 2026.
MONDAYS = OnSchedule(cron="0 9 * * MON")


def digest(crm, trigger=MONDAYS, *steps, **changes):
    templates(crm, "hello")
    crm.launch(journey(*(steps or (send("hello"),)), **{"trigger": trigger, "reentry": EACH_TIME} | changes))


def test_the_whole_audience_enters_each_time(crm, clock, recorder):
    people(crm, "ada", "bob")
    crm.identify("ada", {}, tags=["vip"])
    digest(crm, audience=tag("vip"))
    crm.work()
    assert said(recorder) == []
    work_at(crm, clock, "2026-03-02T09:00", "2026-03-02T09:01", "2026-03-09T08:59")
    assert said(recorder) == ["hello ada"]
    crm.identify("bob", {}, tags=["vip"])
    work_at(crm, clock, "2026-03-09T09:00")
    assert said(recorder) == ["hello ada", "hello ada", "hello bob"]
    assert keys(crm) == ["2026-03-02T09:00:00+00:00", "2026-03-09T09:00:00+00:00", "2026-03-09T09:00:00+00:00"]


def test_the_time_is_that_of_a_zone(crm, clock):
    digest(crm, OnSchedule(cron="0 9 * * MON", zone="America/New_York"))
    # Clocks are put forward there on the 8th.
    assert timers(crm) == ["2026-03-02 14:00"]
    work_at(crm, clock, "2026-03-02T14:00")
    assert timers(crm) == ["2026-03-09 13:00"]


def test_a_schedule_that_comes_at_the_launch_lets_in_at_once(crm):
    people(crm, "ada")
    digest(crm, OnSchedule(cron="0 12 * * *"))
    crm.work()
    assert keys(crm) == ["2026-03-01T12:00:00+00:00"]


def test_of_times_that_were_missed_the_last_counts(crm, clock):
    people(crm, "ada")
    digest(crm)
    work_at(crm, clock, "2026-03-27T09:00")
    assert keys(crm) == ["2026-03-23T09:00:00+00:00"]
    assert timers(crm) == ["2026-03-30 09:00"]


def test_a_year_of_minutes_that_were_missed_is_one(crm, clock):
    people(crm, "ada")
    digest(crm, OnSchedule(cron="* * * * *"))
    work_at(crm, clock, "2027-03-01T12:00")
    assert keys(crm) == ["2027-03-01T12:00:00+00:00"]


def test_what_broke_off_in_the_middle_goes_on_where_it_was(crm, clock, monkeypatch):
    monkeypatch.setattr("crmcore.flow.journeys.ringing.BATCH", 2)
    people(crm, *map(str, range(5)))
    digest(crm)
    monkeypatch.setattr("crmcore.flow.journeys.entering.is_held_out", broken_after(3))
    with pytest.raises(KeyboardInterrupt, match="pulled"):
        work_at(crm, clock, "2026-03-02T09:00")
    assert keys(crm) == ["2026-03-02T09:00:00+00:00"] * 2
    monkeypatch.undo()
    # Another time has come meanwhile: the one that has begun is finished first.
    work_at(crm, clock, "2026-03-09T09:00", "2026-03-09T09:01")
    found = entries(crm)
    assert len(found) == len(set(found)) == 10
    assert timers(crm) == ["2026-03-16 09:00"]


def broken_after(count):
    left = [count]

    def held_out(*_):
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt("the plug was pulled")
        return False

    return held_out


def test_whoever_was_merged_away_does_not_enter(crm, clock):
    people(crm, "ada")
    crm.identify({"anonymous": "a"}, {})
    crm.merge({"anonymous": "a"}, "ada")
    digest(crm)
    work_at(crm, clock, "2026-03-02T09:00")
    assert len(entries(crm)) == 1


def test_a_gap_lets_in_more_rarely_than_the_schedule_comes(crm, clock):
    people(crm, "ada")
    digest(crm, reentry=Reentry(when="every", gap="14d"))
    # Whoever works a little late one time and not the next changes nothing.
    work_at(crm, clock, "2026-03-02T09:07", "2026-03-09T09:00", "2026-03-16T09:00", "2026-03-23T09:00")
    assert keys(crm) == ["2026-03-02T09:00:00+00:00", "2026-03-16T09:00:00+00:00"]


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("ignore", {"2026-03-02T09:00:00+00:00": "running"}),
        ("restart", {"2026-03-02T09:00:00+00:00": "exited", "2026-03-09T09:00:00+00:00": "running"}),
        ("parallel", {"2026-03-02T09:00:00+00:00": "running", "2026-03-09T09:00:00+00:00": "running"}),
    ],
)
def test_the_policy_says_what_becomes_of_whoever_is_under_way_at_the_next_time(crm, clock, policy, expected):
    people(crm, "ada")
    digest(crm, MONDAYS, wait("10d"), send("hello"), policy=policy)
    work_at(crm, clock, "2026-03-02T09:00", "2026-03-09T09:00")
    with crm._opened.reading() as scope:
        rows = scope.connection.execute(scope.rows(schema.enrolment)).mappings()
        assert {row["key"]: row["state"] for row in rows} == expected


def test_a_schedule_that_is_changed_comes_at_its_new_times(crm, clock):
    people(crm, "ada")
    digest(crm)
    crm.revise(journey(send("hello"), trigger=OnSchedule(cron="0 18 * * *"), reentry=EACH_TIME))
    assert timers(crm) == ["2026-03-01 18:00"]
    work_at(crm, clock, "2026-03-02T09:00")
    assert keys(crm) == ["2026-03-01T18:00:00+00:00"]


def test_whoever_comes_to_the_end_at_the_next_time_enters_again(crm, clock):
    people(crm, "ada")
    digest(crm, OnSchedule(cron="0 9 * * *"), wait("1d"))
    work_at(crm, clock, "2026-03-02T09:00", "2026-03-03T09:00", "2026-03-04T09:00")
    assert len(entries(crm)) == 3


def test_an_interval_does_not_go_with_a_schedule(crm):
    with pytest.raises(InvalidCampaign, match="come round by themselves"):
        digest(crm, reentry=Reentry(when="interval", gap="7d"))
