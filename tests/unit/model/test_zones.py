"""Clocks and calendars of every time zone there is, on the days their clocks are changed above all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmcore.model.policy import Period
from crmcore.model.time import DAY, HOUR, MICROSECOND, MINUTE, SECOND, microseconds, moment
from crmcore.model.zones import instant, period, period_end, reached, wall, weekday, zone_named

ZONES = sorted(available_timezones())


local = datetime.fromisoformat


def shown(zone, at):
    """What a customer there sees, as a naive datetime."""
    return moment(at).astimezone(zone).replace(tzinfo=None)


@cache
def changes(name, year):
    """The instants of a year at which the clocks of a zone are changed, found by looking at every day, hour and minute."""
    zone, found = ZoneInfo(name), []
    days = range(
        microseconds(datetime(year, 1, 1, tzinfo=UTC), ""), microseconds(datetime(year + 1, 1, 2, tzinfo=UTC), ""), DAY
    )
    for start, stop in pairwise(days):
        step, at = HOUR, start
        while moment(start).astimezone(zone).utcoffset() != moment(stop).astimezone(zone).utcoffset() and at < stop:
            ahead = [moment(one).astimezone(zone).utcoffset() for one in (at, at + step)]
            if ahead[0] == ahead[1]:
                at += step
            elif step == HOUR:
                step = MINUTE
            else:
                found.append(at + step)
                break
    return found


@st.composite
def instants(draw):
    """A zone, and an instant within 30 hours of a change of its clocks, where there is one in the year."""
    name, year = draw(st.sampled_from(ZONES)), draw(st.integers(1973, 2037))
    around = draw(st.sampled_from(changes(name, year) or [microseconds(datetime(year, 7, 1, tzinfo=UTC), "")]))
    return ZoneInfo(name), around + draw(
        st.integers(-30 * HOUR, 30 * HOUR) | st.integers(-2, 2).map(lambda n: n * SECOND)
    )


def naive_label(zone, at, unit):
    day = shown(zone, at).date()
    return {Period.DAY: day, Period.WEEK: day.isocalendar()[:2], Period.MONTH: (day.year, day.month)}[unit]


@given(instants())
def test_a_wall_clock_shows_what_a_datetime_shows(given_):
    zone, at = given_
    assert local("1970-01-01") + wall(zone, at) * MICROSECOND == shown(zone, at)
    assert weekday(wall(zone, at)) == shown(zone, at).weekday()


@given(instants(), st.integers(-40 * DAY, 40 * DAY), st.sampled_from(Period))
def test_two_instants_are_in_one_period_where_the_calendar_says_so(given_, apart, unit):
    zone, at = given_
    same = period(wall(zone, at), unit) == period(wall(zone, at + apart), unit)
    assert same == (naive_label(zone, at, unit) == naive_label(zone, at + apart, unit))


@settings(max_examples=60, deadline=None)
@given(instants())
def test_a_day_ends_when_the_calendar_first_shows_another(given_):
    zone, at = given_
    end = period_end(zone, at, Period.DAY)
    before = {shown(zone, at).date(), shown(zone, end - 1).date()}
    before |= {shown(zone, one).date() for one in range(at - at % MINUTE + MINUTE, end, MINUTE)}
    assert before == {shown(zone, at).date()}
    assert shown(zone, end).date() not in before


@settings(max_examples=60, deadline=None)
@given(instants(), st.sampled_from([Period.WEEK, Period.MONTH]))
def test_a_week_and_a_month_end_with_one_of_their_days(given_, unit):
    zone, at = given_
    day = at
    while naive_label(zone, day, unit) == naive_label(zone, at, unit):
        day = period_end(zone, day, Period.DAY)
    assert period_end(zone, at, unit) == day


def test_in_every_zone_a_day_ends_when_the_calendar_first_shows_another():
    """Each zone at its last change of clocks before 2027, or at any time."""
    for name in ZONES:
        zone = ZoneInfo(name)
        at = max(changes(name, 2026), default=microseconds(datetime(2026, 7, 1, tzinfo=UTC), "")) - HOUR
        end = period_end(zone, at, Period.DAY)
        assert shown(zone, end - 1).date() == shown(zone, at).date() < shown(zone, end).date(), name


@settings(max_examples=100, deadline=None)
@given(instants(), st.integers(-26 * HOUR, 26 * HOUR) | st.integers(-3, 3).map(lambda n: n * SECOND))
def test_a_reading_has_been_reached_from_its_instant_on(given_, ahead):
    zone, at = given_
    reading = reached(zone, at) + ahead
    assert (instant(zone, reading) <= at) == (ahead <= 0)


@settings(max_examples=50, deadline=None)
@given(instants())
def test_the_latest_reading_is_the_greatest_shown_so_far(given_):
    zone, at = given_
    looks = (at, *range(at - at % MINUTE - DAY, at, MINUTE))
    before_changes = (one - 1 for one in looks if one <= at)
    assert reached(zone, at) == max(wall(zone, one) for one in (*looks, *before_changes))


@pytest.mark.parametrize(
    ("name", "midnight", "hours"),
    [
        ("Europe/London", local("2026-03-29"), 23),
        ("Europe/London", local("2026-03-30"), 24),
        ("Europe/London", local("2026-10-25"), 25),
        ("Australia/Lord_Howe", local("2026-04-05"), 24.5),
        ("America/Sao_Paulo", local("2018-02-17"), 25),
        ("America/Havana", local("2026-11-01"), 25),
        ("Pacific/Apia", local("2011-12-29"), 24),
    ],
)
def test_days_are_as_long_as_their_zone_makes_them(name, midnight, hours):
    zone = ZoneInfo(name)
    at = microseconds(midnight.replace(tzinfo=zone), "")
    assert (period_end(zone, at, Period.DAY) - at) / HOUR == hours


def test_a_day_that_a_zone_skipped_never_was():
    zone = ZoneInfo("Pacific/Apia")
    end = period_end(zone, microseconds(datetime(2011, 12, 29, 12, tzinfo=zone), ""), Period.DAY)
    assert shown(zone, end) == local("2011-12-31")


def test_a_day_may_begin_an_hour_late():
    zone = ZoneInfo("America/Sao_Paulo")
    end = period_end(zone, microseconds(datetime(2018, 11, 3, 12, tzinfo=zone), ""), Period.DAY)
    assert shown(zone, end) == local("2018-11-04 01:00")


def test_a_day_may_begin_twice():
    """In St. John's clocks went back at one minute past midnight: an hour of the day before came once more."""
    zone = ZoneInfo("America/St_Johns")
    at = microseconds(datetime(2010, 11, 6, 12, tzinfo=zone), "")
    first = period_end(zone, at, Period.DAY)
    again = period_end(zone, first, Period.DAY)
    assert (again - first, shown(zone, again)) == (MINUTE, local("2010-11-06 23:01"))
    assert period(wall(zone, again), Period.DAY) == period(wall(zone, at), Period.DAY)


@pytest.mark.parametrize(
    "name", ["Europe/Lundon", "", "/etc/passwd", "../zone", "Europe", "x" * 5000, "a\0b", "GMT+1:00"]
)
def test_what_is_no_time_zone_has_none(name):
    assert zone_named(name) is None


def test_a_time_zone_is_found_by_its_name():
    assert zone_named("Asia/Jakarta").utcoffset(local("2026-01-01")) == timedelta(hours=7)
