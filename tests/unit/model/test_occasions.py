"""Dates that let customers into campaigns: once each year, whatever becomes of date, zone and clock."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmcore.errors import InvalidTime
from crmcore.model.occasions import awaited, following, latest
from crmcore.model.time import DAY, HOUR, MINUTE, microseconds
from crmcore.model.triggers import OnDate
from tests.unit.model.test_yearly import BIRTHDAYS, ZONES

BERLIN = ZoneInfo("Europe/Berlin")
START = microseconds(datetime(2026, 1, 15, tzinfo=UTC), "")
TRIGGERS = st.builds(
    OnDate,
    attribute=st.just("born"),
    offset=st.sampled_from(["0d", "-30d", "-1h", "7d", "-3d", "36h", "-360d", "90s"]),
    at=st.sampled_from(["00:00", "02:30", "09:00", "23:45"]),
)


def at(text, zone=UTC):
    return microseconds(datetime.fromisoformat(text).replace(tzinfo=zone), "")


def local(occasion, zone=BERLIN):
    times = (datetime.fromtimestamp(one // 1_000_000, zone) for one in (occasion.due_at, occasion.over_at))
    return (occasion.key, *(f"{one:%Y-%m-%d %H:%M}" for one in times))


@pytest.mark.parametrize(
    ("offset", "day", "now", "expected"),
    [
        ("0d", "1990-06-01", "2026-03-01", ("2026", "2026-06-01 09:00", "2026-06-02 00:00")),
        ("0d", "1990-02-01", "2026-03-01", ("2027", "2027-02-01 09:00", "2027-02-02 00:00")),
        ("0d", "2000-02-29", "2026-02-20", ("2026", "2026-03-01 09:00", "2026-03-02 00:00")),
        ("0d", "2000-02-29", "2028-02-20", ("2028", "2028-02-29 09:00", "2028-03-01 00:00")),
        # Known on the day, after nine: until midnight it counts.
        ("0d", "1990-03-01", "2026-03-01T22:30", ("2026", "2026-03-01 09:00", "2026-03-02 00:00")),
        ("0d", "1990-03-01", "2026-03-01T23:00", ("2027", "2027-03-01 09:00", "2027-03-02 00:00")),
        # Due thirty days before: it counts until the day itself is over.
        ("-30d", "1990-03-20", "2026-03-01", ("2026", "2026-02-18 09:00", "2026-03-21 00:00")),
        ("-30d", "1990-01-20", "2026-12-25", ("2027", "2026-12-21 09:00", "2027-01-21 00:00")),
        # Due a week after: it counts until that day is over.
        ("7d", "1990-02-22", "2026-03-01", ("2026", "2026-03-01 09:00", "2026-03-02 00:00")),
        ("7d", "1990-02-21", "2026-03-01", ("2027", "2027-02-28 09:00", "2027-03-01 00:00")),
    ],
)
def test_what_is_awaited(offset, day, now, expected):
    trigger = OnDate(attribute="born", offset=offset)
    assert local(awaited(trigger, date.fromisoformat(day), BERLIN, at(now))) == expected


def test_years_may_not_run_into_one_another():
    with pytest.raises(InvalidTime, match="360 days"):
        OnDate(attribute="born", offset="-361d")
    OnDate(attribute="ends", offset="-361d", yearly=False)


def test_a_time_that_is_skipped_counts_when_the_clock_is_put_forward():
    trigger = OnDate(attribute="born", at="02:30")
    found = awaited(trigger, date(1990, 3, 29), BERLIN, START)
    assert local(found) == ("2026", "2026-03-29 03:00", "2026-03-30 00:00")


@pytest.mark.parametrize(
    ("offset", "when", "expected"),
    [
        ("-3d", date(2026, 6, 1), ("2026-06-01", "2026-05-29 09:00", "2026-06-02 00:00")),
        ("0d", date(2026, 1, 15), ("2026-01-15", "2026-01-15 09:00", "2026-01-16 00:00")),
        ("0d", date(2026, 1, 14), None),
        ("-2h", datetime(2026, 6, 1, 23, tzinfo=UTC), ("2026-06-02", "2026-06-01 23:00", "2026-06-03 00:00")),
        ("2h", datetime(2026, 6, 1, 23, 0, 1, tzinfo=UTC), ("2026-06-02", "2026-06-02 03:01", "2026-06-03 00:00")),
    ],
)
def test_a_date_that_does_not_come_round_counts_once(offset, when, expected):
    trigger = OnDate(attribute="ends", offset=offset, yearly=False)
    found = awaited(trigger, when, BERLIN, START)
    assert (None if found is None else local(found)) == expected


@settings(deadline=None, max_examples=60)
@given(TRIGGERS, BIRTHDAYS, ZONES, st.integers(0, 3 * 365 * 24 * 60).map(lambda minutes: START + minutes * MINUTE))
def test_each_year_comes_once_and_in_order(trigger, day, zone, now):
    last, then = latest(trigger, day, zone, now), following(trigger, day, zone, now)
    assert int(then.key) == int(last.key) + 1
    assert last.due_at - MINUTE < now < then.due_at
    assert latest(trigger, day, zone, then.due_at) == then


@attrs.define
class Watch:
    """What is done for one customer: a timer set as its date changes, and seen to by whoever works."""

    trigger: OnDate
    now: int = START
    day: date | None = None
    zone: ZoneInfo = BERLIN
    timer: int | None = None
    entered: list[str] = attrs.field(factory=list)
    #: When the date was told as it is.
    since: int = START

    def tell(self, day, zone):
        self.day, self.zone, self.since = day, zone, self.now
        if self.timer is None or self.timer > self.now:
            self.timer = None if day is None else awaited(self.trigger, day, zone, self.now).due_at

    def work(self):
        if self.timer is None or self.timer > self.now:
            return
        due, self.timer = self.timer, None
        if self.day is not None:
            last = latest(self.trigger, self.day, self.zone, self.now)
            if last.counted(due) and last.key not in self.entered:
                self.entered.append(last.key)
            self.timer = following(self.trigger, self.day, self.zone, self.now).due_at


CHANGES = st.one_of(
    st.tuples(st.none() | BIRTHDAYS | st.dates(date(2026, 1, 10), date(2026, 1, 25)), ZONES),
    st.sampled_from([MINUTE, 7 * HOUR, DAY, 9 * DAY, 100 * DAY]),
)


@settings(deadline=None, max_examples=150)
@given(TRIGGERS, st.lists(CHANGES, max_size=12))
def test_whatever_becomes_of_a_date_whoever_has_it_while_it_counts_enters_once_that_year(trigger, changes):
    watch = Watch(trigger)
    for change in changes:
        if isinstance(change, int):
            watch.now += change
        else:
            watch.tell(*change)
        watch.work()
        if watch.day is not None:
            last = latest(trigger, watch.day, watch.zone, watch.now)
            if last.due_at <= watch.now and last.over_at > watch.since:
                assert last.key in watch.entered
    assert len(watch.entered) == len(set(watch.entered))


@settings(deadline=None, max_examples=100)
@given(TRIGGERS, BIRTHDAYS, ZONES, st.lists(st.integers(1, 40 * 24 * 60), min_size=1, max_size=40))
def test_a_date_that_stays_lets_in_each_year_that_it_is_worked_in_however_late(trigger, day, zone, turns):
    watch = Watch(trigger)
    watch.tell(day, zone)
    for turn in turns:
        watch.now += turn * MINUTE
        watch.work()
    last = latest(trigger, day, zone, watch.now)
    first = awaited(trigger, day, zone, START)
    years = range(int(first.key), int(last.key) + 1)
    assert watch.entered == [str(year) for year in years if last.due_at <= watch.now or year < int(last.key)]
