"""No message while it is quiet where the customer is, and the first moment after that at once."""

from __future__ import annotations

from datetime import datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmcore.model.policy import QuietHours, Weekdays
from crmcore.model.quiet import in_the_way, released
from crmcore.model.time import DAY, HOUR, MINUTE, microseconds
from tests.unit.model.test_zones import ZONES, changes, instants, local, shown


def clock(hour, minute=0):
    return hour * HOUR + minute * MINUTE


CLOCKS = st.builds(clock, st.integers(0, 23), st.sampled_from([0, 1, 30, 59]))
QUIET = st.tuples(CLOCKS, CLOCKS).filter(lambda both: both[0] != both[1])
RULES = st.lists(
    QUIET.map(lambda both: QuietHours(begin=both[0], end=both[1]))
    | st.frozensets(st.integers(0, 6), min_size=1).map(lambda days: Weekdays(days=days)),
    min_size=1,
    max_size=3,
)
FAR = 3 * DAY


def naive(rule, zone, at):
    """Tell whether a rule forbids a message, in the words of the calendar."""
    there = shown(zone, at)
    if isinstance(rule, Weekdays):
        return there.weekday() not in rule.days
    begin, end = (time(one // HOUR, one % HOUR // MINUTE) for one in (rule.begin, rule.end))
    return begin <= there.time() < end if begin < end else there.time() >= begin or there.time() < end


def minutes(at, end):
    """All instants from `at` on at which anything can change: since 1973 clocks are whole minutes ahead everywhere."""
    return [at, *range(at - at % MINUTE + MINUTE, end, MINUTE)]


@given(RULES, instants())
def test_a_rule_forbids_what_the_clock_on_the_wall_says(rules, given_):
    zone, at = given_
    forbidding = [rule for rule in rules if naive(rule, zone, at)]
    assert in_the_way(rules, zone, at) == (forbidding[0] if forbidding else None)


@settings(max_examples=150, deadline=None)
@given(RULES, instants())
def test_what_is_held_goes_the_first_moment_that_no_rule_forbids(rules, given_):
    zone, at = given_
    end = released(rules, zone, at, at + FAR)
    assert at <= end <= at + FAR
    assert all(any(naive(rule, zone, one) for rule in rules) for one in (*minutes(at, end), end - 1) if at <= one < end)
    assert end == at + FAR or not any(naive(rule, zone, end) for rule in rules)


def test_in_every_zone_the_night_ends_in_the_morning_though_the_clocks_are_changed():
    night = QuietHours(begin=clock(0, 30), end=clock(3, 15))
    for name in ZONES:
        zone = ZoneInfo(name)
        for change in changes(name, 2025)[-2:]:
            at = change - 2 * HOUR
            end = released([night], zone, at, at + FAR)
            assert not naive(night, zone, end), name
            assert all(naive(night, zone, one) for one in minutes(at, end) if one < end), name


@pytest.mark.parametrize(
    ("begin", "end", "now", "free"),
    [
        ("21:00", "08:00", "2026-01-05 23:00", "2026-01-06 08:00"),
        ("21:00", "08:00", "2026-01-05 07:59", "2026-01-05 08:00"),
        ("21:00", "08:00", "2026-01-05 08:00", "2026-01-05 08:00"),
        ("21:00", "08:00", "2026-01-05 20:59", "2026-01-05 20:59"),
        ("21:00", "08:00", "2026-01-05 21:00", "2026-01-06 08:00"),
        ("12:00", "13:00", "2026-01-05 12:30", "2026-01-05 13:00"),
        # Clocks go from 2:00 to 3:00: half past two never comes.
        ("22:00", "02:30", "2026-03-28 23:00", "2026-03-29 03:00"),
        # They go from 3:00 back to 2:00: the quiet hour comes twice, with nothing between.
        ("02:00", "03:00", "2026-10-25 02:30", "2026-10-25 03:00"),
    ],
)
def test_the_night_in_berlin(begin, end, now, free):
    zone = ZoneInfo("Europe/Berlin")
    hours = [int(one[:2]) * HOUR + int(one[3:]) * MINUTE for one in (begin, end)]
    rule = QuietHours(begin=hours[0], end=hours[1])
    at = microseconds(local(now).replace(tzinfo=zone), "")
    assert shown(zone, released([rule], zone, at, at + FAR)) == local(free)


def test_a_quiet_half_hour_that_comes_twice_leaves_the_time_between_open():
    zone, rule = ZoneInfo("Europe/Berlin"), QuietHours(begin=clock(2), end=clock(2, 30))
    at = microseconds(datetime(2026, 10, 25, 2, 10, tzinfo=zone), "")
    assert released([rule], zone, at, at + FAR) == at + 20 * MINUTE
    assert in_the_way([rule], zone, at + HOUR) == rule


def test_rules_that_only_end_messages_hold_none():
    zone, rule = ZoneInfo("UTC"), QuietHours(begin=0, end=clock(12), then="drop")
    assert released([rule], zone, 0, FAR) == 0
