"""Schedules: what five fields say, and when they come on the wall clocks of the world."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from crmcore.errors import InvalidTime
from crmcore.model.cron import cron, latest, next_after
from crmcore.model.time import DAY, MINUTE, microseconds
from tests.unit.model.minutes import first_shown
from tests.unit.model.test_zones import instants, local, shown

FAR = 3 * DAY
EVERY_DAY = range(7)

#: Fields as they are written, with what they mean.
MINUTES = st.sampled_from(
    [("*", range(60)), ("0", [0]), ("30", [30]), ("59", [59]), ("*/15", [0, 15, 30, 45]), ("5-45/20,1", [5, 25, 45, 1])]
)
HOURS = st.sampled_from(
    [
        ("*", range(24)),
        ("0", [0]),
        ("1", [1]),
        ("2", [2]),
        ("1-3", [1, 2, 3]),
        ("*/7", [0, 7, 14, 21]),
        ("3,23", [3, 23]),
    ]
)
DAYS = st.sampled_from(
    [
        ("*", range(1, 32)),
        ("1", [1]),
        ("29", [29]),
        ("30,31", [30, 31]),
        ("28-31", [28, 29, 30, 31]),
        ("*/15", [1, 16, 31]),
    ]
)
MONTHS = st.sampled_from(
    [("*", range(1, 13)), ("2", [2]), ("FEB,nov", [2, 11]), ("jan-mar", [1, 2, 3]), ("*/6", [1, 7]), ("12", [12])]
)
#: Weekdays as Python counts them.
WEEKDAYS = st.sampled_from(
    [
        ("*", EVERY_DAY),
        ("0", [6]),
        ("7", [6]),
        ("mon-FRI", range(5)),
        ("FRI-SUN", [4, 5, 6]),
        ("SUN-TUE", [6, 0, 1]),
        ("*/2", [6, 1, 3, 5]),
        ("*/3", [6, 2, 5]),
    ]
)


def at_utc(text):
    return microseconds(datetime.fromisoformat(text).replace(tzinfo=UTC), "")


def starred(*fields):
    return any(field.startswith("*") for field, _ in fields)


@settings(max_examples=60, deadline=None)
@given(MINUTES, HOURS, WEEKDAYS, instants())
@example(("30", [30]), ("2", [2]), ("*", EVERY_DAY), (ZoneInfo("Pacific/Apia"), at_utc("2011-12-30T09:30:00")))
@example(("*", range(60)), ("2", [2]), ("*", EVERY_DAY), (ZoneInfo("Europe/London"), at_utc("2026-10-25T00:30:00")))
@example(
    ("*/15", [0, 15, 30, 45]),
    ("1", [1]),
    ("*", EVERY_DAY),
    (ZoneInfo("Australia/Lord_Howe"), at_utc("2026-04-04T15:10:00")),
)
@example(("0", [0]), ("0", [0]), ("*", EVERY_DAY), (ZoneInfo("America/St_Johns"), at_utc("2010-11-07T02:30:00")))
def test_it_comes_the_first_time_after_now_that_a_clock_shows_or_skips_what_fits(minutes, hours, weekdays, given_):
    zone, at = given_

    def fits(there):
        return there.minute in minutes[1] and there.hour in hours[1] and there.weekday() in weekdays[1]

    made = cron(f"{minutes[0]} {hours[0]} * * {weekdays[0]}")
    expected = first_shown(fits, zone, at + 1, at + FAR)
    found = next_after(made, zone, at)
    assert found == expected if expected is not None else found >= at + FAR


@settings(max_examples=100, deadline=None)
@given(DAYS, MONTHS, WEEKDAYS, st.dates(date(1999, 1, 1), date(2098, 1, 1)))
def test_it_comes_on_the_next_day_that_fits_by_both_fields_of_days_or_either(days, months, weekdays, today):
    both = all if starred(days, weekdays) else any
    one = today + timedelta(days=1)
    for _ in range(41 * 366):
        if one.month in months[1] and both((one.day in days[1], one.weekday() in weekdays[1])):
            break
        one += timedelta(days=1)
    else:
        assume(False)
    made = cron(f"0 9 {days[0]} {months[0]} {weekdays[0]}")
    found = next_after(made, UTC, at_utc(f"{today}T09:00:00"))
    assert found == at_utc(f"{one}T09:00:00")


@settings(max_examples=100, deadline=None)
@given(st.tuples(MINUTES, HOURS, DAYS, MONTHS, WEEKDAYS), instants())
def test_a_clock_shows_what_fits_whenever_it_comes(fields, given_):
    """Or, where it was skipped, what comes first after that."""
    zone, at = given_
    minutes, hours, days, months, weekdays = fields
    assume(not (days[1][0] >= 30 and months[0] == "2" and starred(days, weekdays)))
    found = next_after(cron(" ".join(field for field, _ in fields)), zone, at)
    assert found > at
    there = shown(zone, found)
    both = all if starred(days, weekdays) else any
    fits = there.minute in minutes[1] and there.hour in hours[1] and there.month in months[1]
    fits = fits and both((there.day in days[1], there.weekday() in weekdays[1]))
    assert fits or shown(zone, found) - shown(zone, found - MINUTE) > timedelta(minutes=1)


@settings(deadline=None, max_examples=50)
@given(st.tuples(MINUTES, HOURS, DAYS, MONTHS, WEEKDAYS), instants(), st.integers(0, 40 * DAY))
def test_the_last_time_it_came_is_the_one_that_no_other_follows(fields, given_, span):
    zone, now = given_
    _, _, days, months, weekdays = fields
    assume(not (days[1][0] >= 30 and months[0] == "2" and starred(days, weekdays)))
    schedule = cron(" ".join(field for field, _ in fields))
    last = latest(schedule, zone, now - span, now)
    if last is None:
        assert next_after(schedule, zone, now - span) > now
    else:
        assert now - span < last <= now < next_after(schedule, zone, last)


@pytest.mark.parametrize(
    ("name", "schedule", "since", "come"),
    [
        # Clocks go from 1:00 to 2:00, in UTC from +0 to +1.
        ("Europe/London", "30 1 * * *", "2026-03-28 02:00", ["2026-03-29 02:00", "2026-03-30 01:30"]),
        ("Europe/London", "0,20,40 1 * * *", "2026-03-29 00:00", ["2026-03-29 02:00", "2026-03-30 01:00"]),
        (
            "Europe/London",
            "*/30 * * * *",
            "2026-03-29 00:10",
            ["2026-03-29 00:30", "2026-03-29 02:00", "2026-03-29 02:30"],
        ),
        ("America/New_York", "30 2 * * *", "2026-03-07 12:00", ["2026-03-08 03:00", "2026-03-09 02:30"]),
        ("America/New_York", "0 3,4 * * *", "2026-03-08 01:00", ["2026-03-08 03:00", "2026-03-08 04:00"]),
        # By half an hour, from 2:00 to 2:30.
        ("Australia/Lord_Howe", "15 2 * * *", "2026-10-03 12:00", ["2026-10-04 02:30", "2026-10-05 02:15"]),
        # Midnight is skipped.
        ("America/Sao_Paulo", "@daily", "2018-11-03 12:00", ["2018-11-04 01:00", "2018-11-05 00:00"]),
        # The whole of 30 December is skipped.
        ("Pacific/Apia", "0 9 * * *", "2011-12-29 08:00", ["2011-12-29 09:00", "2011-12-31 00:00", "2011-12-31 09:00"]),
        # There are no changes, and a quarter of an hour is not a whole one.
        ("Asia/Kathmandu", "45 5 * * *", "2026-01-01 05:45", ["2026-01-02 05:45"]),
    ],
)
def test_what_is_skipped_comes_once_when_the_clock_is_put_forward(name, schedule, since, come):
    zone, made = ZoneInfo(name), cron(schedule)
    at = microseconds(local(since).replace(tzinfo=zone), "")
    for one in come:
        at = next_after(made, zone, at)
        assert shown(zone, at) == local(one)


@pytest.mark.parametrize(
    ("name", "schedule", "since", "come"),
    [
        # Clocks go from 2:00 summer time back to 1:00 at 1:00 UTC.
        ("Europe/London", "30 1 * * *", "2026-10-24T12:00", ["2026-10-25T00:30", "2026-10-26T01:30"]),
        ("Europe/London", "30 * * * *", "2026-10-24T23:40", ["2026-10-25T00:30", "2026-10-25T02:30"]),
        ("Europe/London", "0 2 * * *", "2026-10-25T00:10", ["2026-10-25T02:00"]),
        # Asked between the two showings, and at the second.
        ("Europe/London", "30 1 * * *", "2026-10-25T00:45", ["2026-10-26T01:30"]),
        ("Europe/London", "30 1 * * *", "2026-10-25T01:10", ["2026-10-26T01:30"]),
        ("America/New_York", "30 1 * * *", "2026-10-31T12:00", ["2026-11-01T05:30", "2026-11-02T06:30"]),
        # By half an hour, from 2:00 to 1:30.
        ("Australia/Lord_Howe", "45 1 * * *", "2026-04-04T12:00", ["2026-04-04T14:45", "2026-04-05T15:15"]),
    ],
)
def test_what_is_shown_twice_comes_the_first_time(name, schedule, since, come):
    at, made = at_utc(since), cron(schedule)
    for one in come:
        at = next_after(made, ZoneInfo(name), at)
        assert at == at_utc(one)


@pytest.mark.parametrize(
    ("schedule", "since", "come"),
    [
        ("* * * * *", "2026-01-05T10:00", "2026-01-05T10:01"),
        ("* * * * *", "2026-01-05T10:00:59.999999", "2026-01-05T10:01"),
        ("0 9 * * MON-FRI", "2026-01-02T09:00", "2026-01-05T09:00"),
        ("@hourly", "2026-01-05T10:00", "2026-01-05T11:00"),
        ("@weekly", "2026-01-05T10:00", "2026-01-11T00:00"),
        ("@monthly", "2026-01-05T10:00", "2026-02-01T00:00"),
        ("@yearly", "2026-01-05T10:00", "2027-01-01T00:00"),
        ("0 0 29 2 *", "2026-01-05T10:00", "2028-02-29T00:00"),
        ("0 0 29 2 *", "2097-01-01T00:00", "2104-02-29T00:00"),
        # A Friday, or the 13th; a Sunday that is the 1st, 11th, 21st or 31st.
        ("0 0 13 * FRI", "2026-01-05T10:00", "2026-01-09T00:00"),
        ("0 0 */10 * SUN", "2026-01-05T10:00", "2026-01-11T00:00"),
        ("0 0 29 2 */7", "2026-01-05T10:00", "2032-02-29T00:00"),
        ("0 0 29 2 */7", "2088-03-01T00:00", "2128-02-29T00:00"),
        ("0 0 31 2 MON", "2026-01-05T10:00", "2026-02-02T00:00"),
        # Before 1970.
        ("0 9 1 * *", "1931-05-05T10:00", "1931-06-01T09:00"),
    ],
)
def test_when_schedules_come(schedule, since, come):
    assert next_after(cron(schedule), UTC, at_utc(since)) == at_utc(come)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("@daily", "0 0 * * *"),
        ("@YEARLY", "0 0 1 1 *"),
        ("  0\t9  * * 1 ", "0 9 * * MON"),
        ("0 0 * jan,FEB *", "0 0 * 1-2 *"),
        ("0 0 * * 0", "0 0 * * 7"),
        ("0 0 * * SUN-SUN", "0 0 * * SUN"),
        ("0 0 * * 5-7", "0 0 * * FRI,SAT,SUN"),
        ("0 0 * * MON-SUN", "0 0 * * *"),
        ("00 09 * * *", "0 9 * * *"),
        ("*/20 * * * *", "0,20,40 * * * *"),
        ("10-30/10 * * * *", "30,20,10,10 * * * *"),
        ("5-5/1 * * * *", "5 * * * *"),
    ],
)
def test_two_ways_to_write_one_schedule(one, other):
    assert cron(one) == cron(other)


@pytest.mark.parametrize(
    ("schedule", "problem"),
    [
        ("", "of fields it has 0; write five: minute, hour, day-of-month, month, day-of-week"),
        ("0 0 9 * * *", "of fields it has 6; write five"),
        ("@reboot", "no such shorthand; known are @hourly, @daily"),
        ("60 * * * *", "'60' in the field minute is none of 0 to 59"),
        ("0 24 * * *", "'24' in the field hour is none of 0 to 23"),
        ("0 0 0 * *", "'0' in the field day-of-month is none of 1 to 31"),
        ("0 0 * 13 *", "'13' in the field month is none of 1 to 12 or jan to dec"),
        ("0 0 * * 8", "'8' in the field day-of-week is none of 0 to 7 or sun to sat"),
        ("0 0 * MON *", "'mon' in the field month is none of"),
        ("0 0 * * monday", "'monday' in the field day-of-week is none of"),
        ("0 22-6 * * *", "22-6 in the field hour goes backwards; write 22-23,0-6"),
        ("0 0 * * FRI-MON", "fri-mon in the field day-of-week goes backwards; write fri-7,0-mon"),
        ("*/0 * * * *", r"the step of '\*/0' in the field minute is not from 1 to 59"),
        ("*/90 * * * *", r"the step of '\*/90' in the field minute is not from 1 to 59"),
        ("*/ * * * *", r"the step of '\*/' in the field minute is not"),
        ("*/²0 * * * *", "the step of"),
        ("5/15 * * * *", "'5/15' in the field minute has a step without a range; write 5-59/15"),
        ("1,,2 * * * *", "'' in the field minute is no value; write as in 5, 1-5"),
        ("-5 * * * *", "'-5' in the field minute is no value"),
        ("1-2-3 * * * *", "'1-2-3' in the field minute is no value"),
        ("0 0 L * *", "'l' in the field day-of-month is none of 1 to 31"),
        ("0 0 * * 5#3", "'5#3' in the field day-of-week is no value"),
        ("٣ * * * *", "in the field minute is no value"),
        (f"{'9' * 5000} * * * *", "in the field minute is no value"),
        ("0 0 31 2 *", "it never comes, for the longest month it names has 29 days; write an earlier day-of-month"),
        ("0 0 31 4,6,9,11 *", "it never comes, for the longest month it names has 30 days"),
        ("0 0 30 2 */2", "it never comes"),
    ],
)
def test_what_is_no_schedule_is_refused_with_place_and_fix(schedule, problem):
    with pytest.raises(InvalidTime, match=rf"(?s)^\[campaign.welcome\] is no valid time: .*{problem}"):
        cron(schedule, "[campaign.welcome]")
