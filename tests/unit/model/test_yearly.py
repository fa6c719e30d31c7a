"""Birthdays and renewals: one each year, on the wall clock of the customer."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from crmcore.model.time import DAY, HOUR, MINUTE, microseconds
from crmcore.model.yearly import coming, gone, next_once, next_yearly, occurrence
from tests.unit.model.minutes import first_shown
from tests.unit.model.test_zones import instants, local, shown

ZONES = st.sampled_from(
    ["Europe/London", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia", "America/Sao_Paulo"]
).map(ZoneInfo)
BIRTHDAYS = st.dates(date(1900, 1, 1), date(2030, 12, 31)) | st.sampled_from(
    [date(2000, 2, 29), date(1999, 12, 31), date(2004, 1, 1), date(1980, 12, 30)]
)
TIMES = st.integers(0, 24 * 4 - 1).map(lambda quarters: quarters * 15 * MINUTE)
OFFSETS = st.integers(-400, 400).map(lambda days: days * DAY) | st.integers(-100, 100).map(lambda n: n * 30 * MINUTE)
MORNING = 9 * HOUR


def at_utc(text):
    return microseconds(datetime.fromisoformat(text).replace(tzinfo=UTC), "")


def plain(day, zone, year, offset, time):
    """Return when it is due in a year, by looking at the clock every minute of three days."""
    there = datetime.combine(occurrence(day, year), datetime.min.time()) + timedelta(microseconds=time + offset)
    around = microseconds(there.replace(tzinfo=UTC), "")
    return first_shown(lambda one: one == there, zone, around - DAY, around + DAY + MINUTE)


@pytest.mark.parametrize(
    ("day", "year", "come"),
    [
        ("2000-02-29", 2026, "2026-03-01"),
        ("2000-02-29", 2028, "2028-02-29"),
        ("2000-02-29", 2100, "2100-03-01"),
        ("2000-02-29", 2400, "2400-02-29"),
        ("2000-02-29", 1900, "1900-03-01"),
        ("2001-02-28", 2028, "2028-02-28"),
        ("2001-03-01", 2028, "2028-03-01"),
        ("2000-12-31", 2027, "2027-12-31"),
        ("2030-06-01", 2026, "2026-06-01"),
    ],
)
def test_when_a_date_comes_round(day, year, come):
    assert occurrence(date.fromisoformat(day), year) == date.fromisoformat(come)


@settings(deadline=None)
@given(BIRTHDAYS, st.dates(date(1900, 1, 1), date(2100, 1, 1)))
def test_a_date_came_round_the_year_before_it_comes_round(day, until):
    last = gone(day, until)
    assert last <= until < coming(day, last + timedelta(days=1))
    assert last == occurrence(day, last.year)


@settings(deadline=None)
@given(BIRTHDAYS, st.dates(date(1900, 1, 1), date(2100, 1, 1)))
def test_a_date_comes_round_on_the_first_day_that_is_it(day, since):
    one = since
    while one != occurrence(day, one.year):
        one += timedelta(days=1)
    assert coming(day, since) == one


@settings(max_examples=25, deadline=None)
@given(BIRTHDAYS, st.integers(1973, 2037), OFFSETS, TIMES, instants(), st.booleans())
@example(date(1980, 12, 30), 2011, 0, MORNING, (ZoneInfo("Pacific/Apia"), 0), True)
@example(date(1980, 10, 25), 2026, 0, HOUR, (ZoneInfo("Europe/London"), 0), True)
def test_it_is_the_first_of_all_years_that_comes_after_now(day, year, offset, time, given_, is_near):
    """Of one zone, at any instant and around the due instant of a year."""
    zone, at = given_
    at = plain(day, zone, year, offset, time) + at % 3 - 1 if is_near else at
    around = shown(zone, at - offset).year
    due = [plain(day, zone, one, offset, time) for one in range(around - 1, around + 3)]
    assert next_yearly(day, zone, at, offset=offset, time_of_day=time) == min(one for one in due if one > at)


@given(BIRTHDAYS, ZONES, TIMES)
def test_a_birthday_is_told_once_in_each_calendar_year(day, zone, time):
    at, years = microseconds(datetime(1999, 12, 31, 23, 59, 59, tzinfo=zone), ""), []
    for _ in range(40):
        at = next_yearly(day, zone, at, offset=0, time_of_day=time)
        years.append(shown(zone, at).year)
    assert years == list(range(2000, 2040))


@given(BIRTHDAYS, ZONES, TIMES, OFFSETS)
def test_whatever_the_offset_one_comes_each_year(day, zone, time, offset):
    at, found = at_utc("2000-01-01T00:00"), []
    for _ in range(40):
        at = next_yearly(day, zone, at, offset=offset, time_of_day=time)
        found.append(at)
    # Apia had a year of a day less, and an hour of summer time may lie between.
    assert all(363 * DAY < after - before < 367 * DAY for before, after in pairwise(found))


@pytest.mark.parametrize(
    ("name", "day", "since", "offset", "time", "come"),
    [
        ("Europe/London", "1990-05-04", "2026-01-01 00:00", 0, MORNING, "2026-05-04 09:00"),
        ("Europe/London", "1990-05-04", "2026-05-04 08:59", 0, MORNING, "2026-05-04 09:00"),
        ("Europe/London", "1990-05-04", "2026-05-04 09:00", 0, MORNING, "2027-05-04 09:00"),
        # A late import does not make up for what is over.
        ("Europe/London", "1990-05-04", "2026-05-04 12:00", 0, MORNING, "2027-05-04 09:00"),
        ("Europe/London", "2000-02-29", "2026-01-01 00:00", 0, MORNING, "2026-03-01 09:00"),
        ("Europe/London", "2000-02-29", "2028-01-01 00:00", 0, MORNING, "2028-02-29 09:00"),
        ("Europe/London", "2000-02-29", "2026-01-01 00:00", -DAY, MORNING, "2026-02-28 09:00"),
        ("Europe/London", "2000-02-29", "2028-01-01 00:00", DAY, MORNING, "2028-03-01 09:00"),
        # Over the end of the year.
        ("Europe/London", "1990-01-03", "2026-06-01 00:00", -7 * DAY, MORNING, "2026-12-27 09:00"),
        ("Europe/London", "1990-12-30", "2026-01-01 00:00", 7 * DAY, MORNING, "2026-01-06 09:00"),
        ("Europe/London", "1990-05-04", "2026-01-01 00:00", -800 * DAY, MORNING, "2026-02-24 09:00"),
        # Clocks are changed between: it is 9:00 all the same.
        ("Europe/London", "1990-04-01", "2026-01-01 00:00", -7 * DAY, MORNING, "2026-03-25 09:00"),
        ("America/New_York", "1990-03-10", "2026-01-01 00:00", -7 * DAY, MORNING, "2026-03-03 09:00"),
        # Half past one is skipped.
        ("Europe/London", "1990-03-29", "2026-01-01 00:00", 0, HOUR + 30 * MINUTE, "2026-03-29 02:00"),
        ("Europe/London", "1990-03-30", "2026-01-01 00:00", -DAY, HOUR + 30 * MINUTE, "2026-03-29 02:00"),
        # The day itself is.
        ("Pacific/Apia", "1990-12-30", "2011-01-01 00:00", 0, MORNING, "2011-12-31 00:00"),
        # The last day of a year was: it came with the first moment of the next.
        ("Pacific/Kiritimati", "1990-12-31", "1994-06-01 00:00", 0, MORNING, "1995-01-01 00:00"),
    ],
)
def test_when_a_birthday_is_told(name, day, since, offset, time, come):
    zone = ZoneInfo(name)
    at = microseconds(local(since).replace(tzinfo=zone), "")
    found = next_yearly(date.fromisoformat(day), zone, at, offset=offset, time_of_day=time)
    assert shown(zone, found) == local(come)


def test_a_birthday_at_a_time_shown_twice_is_told_the_first_time_alone():
    zone, half_past_one = ZoneInfo("Europe/London"), HOUR + 30 * MINUTE
    for since, come in [("2026-01-01T00:00", "2026-10-25T00:30"), ("2026-10-25T00:30", "2027-10-25T00:30")]:
        found = next_yearly(date(1990, 10, 25), zone, at_utc(since), offset=0, time_of_day=half_past_one)
        assert found == at_utc(come)


@given(BIRTHDAYS, ZONES, TIMES, OFFSETS)
def test_what_does_not_come_round_comes_once(day, zone, time, offset):
    assume(day.year > 1972)
    due = next_once(day, zone, at_utc("1900-01-01T00:00"), offset=offset, time_of_day=time)
    assert due == next_yearly(day, zone, due - 1, offset=offset, time_of_day=time)
    assert next_once(day, zone, due - 1, offset=offset, time_of_day=time) == due
    assert next_once(day, zone, due, offset=offset, time_of_day=time) is None


@pytest.mark.parametrize("when", [at_utc("2026-10-25T01:30"), datetime(2026, 10, 25, 1, 30, tzinfo=UTC)])
@pytest.mark.parametrize(
    ("since", "offset", "come"),
    [
        ("2026-01-01T00:00", 0, "2026-10-25T01:30"),
        # Elapsed time, though clocks are changed between.
        ("2026-01-01T00:00", -DAY, "2026-10-24T01:30"),
        ("2026-10-24T01:30", -DAY, None),
        ("2026-10-25T01:30", HOUR, "2026-10-25T02:30"),
    ],
)
def test_an_instant_has_its_own_time_of_day(when, since, offset, come):
    found = next_once(when, ZoneInfo("Europe/London"), at_utc(since), offset=offset, time_of_day=MORNING)
    assert found == (come and at_utc(come))


@pytest.mark.parametrize(("day", "is_ahead"), [(date.min, False), (date.max, True)])
@pytest.mark.parametrize("name", ["Pacific/Kiritimati", "America/New_York"])
def test_dates_that_stand_for_never_and_for_ever_are_dates_too(day, is_ahead, name):
    at = at_utc("2026-06-01T00:00")
    due = next_once(day, ZoneInfo(name), at, offset=0, time_of_day=DAY - MINUTE)
    assert (due is not None) == is_ahead
    found = next_yearly(day, ZoneInfo(name), at, offset=0, time_of_day=0)
    assert shown(ZoneInfo(name), found).date() == occurrence(day, 2027 if day == date.min else 2026)
