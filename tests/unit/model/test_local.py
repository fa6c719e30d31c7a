"""The next time that a customer's wall clock shows a time of day."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from crmcore.errors import InvalidTime
from crmcore.model.local import next_local, time_of_day, weekdays
from crmcore.model.time import DAY, HOUR, MINUTE, microseconds
from tests.unit.model.minutes import first_shown
from tests.unit.model.test_zones import instants, local, shown

#: Around the hours at which clocks are changed above all.
TIMES = st.sampled_from([0, 1, 2, 3, 9, 23]).flatmap(
    lambda hour: st.sampled_from([0, 15, 30, 59]).map(lambda minute: hour * HOUR + minute * MINUTE)
)
#: A day of these comes within three.
DAYS = st.sampled_from([frozenset(), frozenset({0, 3, 5}), frozenset({1, 4, 6}), frozenset({0, 2, 4, 6})])


def at_utc(text):
    return microseconds(datetime.fromisoformat(text).replace(tzinfo=UTC), "")


@settings(max_examples=40, deadline=None)
@given(TIMES, DAYS, instants())
@example(9 * HOUR, frozenset({4}), (ZoneInfo("Pacific/Apia"), at_utc("2011-12-30T09:30:00")))
@example(HOUR + 30 * MINUTE, frozenset(), (ZoneInfo("Europe/London"), at_utc("2026-10-25T01:30:00")))
@example(2 * HOUR + 15 * MINUTE, frozenset({6}), (ZoneInfo("Australia/Lord_Howe"), at_utc("2026-10-03T12:00:00")))
def test_it_is_the_first_instant_from_now_on_that_a_clock_shows_it_for_the_first_time_or_skips_it(time, days, given_):
    zone, at = given_

    def fits(there):
        return there.hour * HOUR + there.minute * MINUTE == time and (not days or there.weekday() in days)

    assert next_local(zone, at, time, days) == first_shown(fits, zone, at, at + 5 * DAY)


@given(TIMES, DAYS, instants())
def test_when_it_has_come_it_is_now(time, days, given_):
    zone, at = given_
    found = next_local(zone, at, time, days)
    assert next_local(zone, found, time, days) == found < next_local(zone, found + 1, time, days)


@pytest.mark.parametrize(
    ("name", "since", "time", "days", "come"),
    [
        ("Europe/London", "2026-01-05 08:00", "09:00", (), "2026-01-05 09:00"),
        ("Europe/London", "2026-01-05 09:00", "09:00", (), "2026-01-05 09:00"),
        ("Europe/London", "2026-01-05 09:01", "09:00", (), "2026-01-06 09:00"),
        ("Europe/London", "2026-01-05 09:01", "09:00", ("mon",), "2026-01-12 09:00"),
        ("Europe/London", "2026-01-05 09:01", "09:00", ("mon", "fri"), "2026-01-09 09:00"),
        ("Europe/London", "2026-01-10 12:00", "00:00", ("sun",), "2026-01-11 00:00"),
        # Summer time begins: 9:00 is 23 hours after 9:00; half past one is skipped.
        ("Europe/London", "2026-03-28 09:01", "09:00", (), "2026-03-29 09:00"),
        ("Europe/London", "2026-03-28 09:00", "01:30", (), "2026-03-29 02:00"),
        ("Europe/London", "2026-03-29 02:00", "01:30", (), "2026-03-29 02:00"),
        ("Europe/London", "2026-03-29 02:01", "01:30", (), "2026-03-30 01:30"),
        ("America/New_York", "2026-03-07 12:00", "02:30", ("sun",), "2026-03-08 03:00"),
        ("Asia/Kathmandu", "2026-03-29 12:00", "11:45", (), "2026-03-30 11:45"),
        # A Friday that was skipped as a whole.
        ("Pacific/Apia", "2011-12-29 12:00", "09:00", ("fri",), "2011-12-31 00:00"),
        ("Pacific/Apia", "2011-12-29 12:00", "09:00", ("sat",), "2011-12-31 09:00"),
    ],
)
def test_when_a_time_of_day_comes(name, since, time, days, come):
    zone = ZoneInfo(name)
    at = microseconds(local(since).replace(tzinfo=zone), "")
    assert shown(zone, next_local(zone, at, time_of_day(time), weekdays(days))) == local(come)


@pytest.mark.parametrize(
    ("name", "since", "time", "come"),
    [
        # In London 1:00 to 2:00 is shown from 0:00 UTC on, and again from 1:00 UTC on.
        ("Europe/London", "2026-10-25T00:00", "01:30", "2026-10-25T00:30"),
        ("Europe/London", "2026-10-25T00:30", "01:30", "2026-10-25T00:30"),
        ("Europe/London", "2026-10-25T00:31", "01:30", "2026-10-26T01:30"),
        ("Europe/London", "2026-10-25T01:15", "01:30", "2026-10-26T01:30"),
        ("Europe/London", "2026-10-25T01:30", "01:30", "2026-10-26T01:30"),
        ("Europe/London", "2026-10-25T00:31", "02:00", "2026-10-25T02:00"),
        # In Lord Howe 1:30 to 2:00 from 14:30 UTC on, and again from 15:00 UTC on.
        ("Australia/Lord_Howe", "2026-04-04T14:00", "01:45", "2026-04-04T14:45"),
        ("Australia/Lord_Howe", "2026-04-04T15:00", "01:45", "2026-04-05T15:15"),
    ],
)
def test_a_time_shown_twice_has_come_when_it_was_first_shown(name, since, time, come):
    assert next_local(ZoneInfo(name), at_utc(since), time_of_day(time)) == at_utc(come)


@pytest.mark.parametrize(("text", "time"), [("00:00", 0), ("09:05", 9 * HOUR + 5 * MINUTE), ("23:59", DAY - MINUTE)])
def test_a_time_of_day_is_microseconds_since_midnight(text, time):
    assert time_of_day(text) == time


@pytest.mark.parametrize("text", ["", "9:00", "24:00", "09:60", "09:00:00", "9am", "09.00", "٠٩:00", 9, None])
def test_what_is_no_time_of_day_is_refused_with_place_and_fix(text):
    with pytest.raises(InvalidTime, match=r"^wait.until is no valid time: .*no time of day; write it as in '08:00'"):
        time_of_day(text, "wait.until")


@pytest.mark.parametrize(
    ("names", "days"), [((), set()), (("mon",), {0}), (["sun", "fri", "sun"], {4, 6}), (frozenset({"tue"}), {1})]
)
def test_days_of_the_week_are_counted_from_monday(names, days):
    assert weekdays(names) == days


@pytest.mark.parametrize("names", ["mon", "", ("monday",), ("MON",), (0,), [["mon"]], None, {"mon": 1}])
def test_what_is_no_list_of_weekdays_is_refused_with_place_and_fix(names):
    with pytest.raises(InvalidTime, match=r"^wait.days is no valid time: .*write some of mon, tue, wed"):
        weekdays(names, "wait.days")
