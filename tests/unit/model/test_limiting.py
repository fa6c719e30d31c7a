"""Buckets let through what they promise and no more, whatever the clock does; they slow down, recover, and break."""

from __future__ import annotations

from itertools import accumulate, pairwise

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmcore.errors import InvalidValue
from crmcore.model import limiting
from crmcore.model.limiting import (
    FAULTS,
    LONGEST,
    PER_SECOND,
    RECOVERY,
    SKEW,
    SLOWEST,
    TOKEN,
    Limit,
    blocked_until,
    fitted,
    full,
    handful,
    passing,
    ready_at,
    refilled,
    slowed,
    taken,
    unmetered,
)
from crmcore.model.time import DAY, HOUR, MINUTE, SECOND

NOW = 1_770_000_000 * SECOND
MANY = 10**6

limits = st.builds(
    Limit,
    count=st.integers(1, 200),
    per=st.integers(SECOND // 10, 2 * DAY),
    burst=st.one_of(st.just(0), st.integers(1, 300)),
)
steps = st.lists(st.tuples(st.integers(0, 10 * SECOND), st.integers(0, 200)), min_size=1, max_size=40)


def used(bucket, moments):
    """Return a bucket after use at each moment, and how many messages it let through then."""
    let = []
    for now, wanted in moments:
        count = passing(bucket, now, wanted)
        bucket = taken(bucket, now, count)
        let.append((now, count))
    return bucket, let


def timed(parts):
    return list(zip(accumulate((one for one, _ in parts), initial=NOW), (wanted for _, wanted in parts), strict=False))


@given(limits, steps)
def test_in_any_span_no_more_pass_than_the_burst_and_what_the_rate_makes_of_it(limit, parts):
    _, let = used(full(limit, NOW), timed(parts))
    for first, (start, _) in enumerate(let):
        for last in range(first, len(let)):
            passed = sum(count for _, count in let[first : last + 1])
            assert passed * limit.per <= limit.size * limit.per + limit.count * (let[last][0] - start)


@given(limits, st.lists(st.integers(-10 * SECOND, 10 * SECOND), min_size=1, max_size=30))
def test_a_clock_that_goes_back_and_forth_brings_no_more_than_one_that_goes_on(limit, moves):
    moments = [(one, MANY) for one in accumulate(moves, initial=NOW)]
    _, let = used(full(limit, NOW), moments)
    most = max(one for one, _ in moments) - NOW
    assert sum(count for _, count in let) * limit.per <= limit.size * limit.per + limit.count * most


@given(limits)
def test_a_clock_that_stands_still_brings_the_burst_and_nothing_else(limit):
    _, let = used(full(limit, NOW), [(NOW, MANY)] * 3)
    assert [count for _, count in let] == [limit.size, 0, 0]


@given(limits, st.lists(st.integers(1, SECOND), min_size=1, max_size=50))
def test_looking_often_gains_what_looking_once_does(limit, waits):
    empty = taken(full(limit, NOW), NOW, limit.size)
    often = empty
    for now in accumulate(waits, initial=NOW):
        often = refilled(often, now)
    once = refilled(empty, NOW + sum(waits))
    assert 0 <= once.tokens - often.tokens <= len(waits)
    assert 0 <= ready_at(often, NOW) - ready_at(once, NOW) <= len(waits)


@pytest.mark.parametrize(
    ("count", "per"), [(1, DAY), (1, 7 * DAY), (3, 7 * DAY), (1, 6 * SECOND), (7, SECOND), (1000, SECOND)]
)
def test_who_takes_all_there_is_gets_the_rate(count, per):
    bucket, moments = full(Limit(count=count, per=per, burst=2), NOW), [(NOW, 2)]
    for _ in range(500):
        bucket, _ = used(bucket, moments)
        moments = [(ready_at(bucket, moments[0][0]), 1)]
    late = moments[0][0] - NOW - 500 * per // count
    assert 0 <= late <= 1


@pytest.mark.parametrize(
    ("count", "per", "burst", "expected"),
    [
        (1000, SECOND, 250, 50),
        (990, SECOND, 250, 49),
        (1000, SECOND, 100, 25),
        (79, SECOND, 20, 3),
        (79, SECOND, 1, 1),
        (1, 6 * SECOND, 1, 1),
        (1000, DAY, 1000, 1),
    ],
)
def test_a_handful_is_what_a_moment_brings_and_no_large_part_of_a_burst(count, per, burst, expected):
    assert handful(full(Limit(count=count, per=per, burst=burst), NOW)) == expected


def test_a_bucket_that_has_no_rate_is_not_waited_for():
    assert handful(unmetered(NOW)) == 1
    assert ready_at(unmetered(NOW), NOW) == NOW


@given(limits, st.integers(0, 300))
def test_a_handful_is_ready_at_the_first_moment_it_may_pass(limit, count):
    bucket = full(limit, NOW)
    bucket, many = taken(bucket, NOW, passing(bucket, NOW, count)), handful(bucket)
    at = ready_at(bucket, NOW, many)
    assert passing(bucket, at, many) == many
    assert at == NOW or passing(bucket, at - 1, many) < many


@given(limits, st.integers(0, 300), st.integers(0, DAY))
def test_a_message_is_ready_at_the_first_moment_it_may_pass(limit, count, later):
    bucket = full(limit, NOW)
    bucket = taken(bucket, NOW, passing(bucket, NOW, count))
    at = ready_at(bucket, NOW + later)
    assert passing(bucket, at, 1) == 1
    assert at == NOW + later or passing(bucket, at - 1, 1) == 0


@given(limits, st.integers(0, 2 * DAY), st.integers(0, 2 * DAY))
def test_a_blocked_bucket_lets_nothing_through_before_its_time(limit, wait, later):
    until = NOW + min(wait, LONGEST)
    for bucket in (slowed(full(limit, NOW), NOW, NOW + wait, ""), slowed(unmetered(NOW), NOW, NOW + wait, "")):
        assert (passing(bucket, NOW + later, 1) == 0) or NOW + later >= until
        assert ready_at(bucket, NOW) >= until


def test_nobody_is_blocked_longer_by_a_clock_that_has_gone_wrong_than_by_a_pause():
    ahead = NOW + 365 * DAY
    bucket = slowed(taken(full(Limit(count=1, per=SECOND), ahead), ahead, 1), ahead, ahead + HOUR, "")
    assert blocked_until(bucket, NOW) == NOW
    assert ready_at(bucket, NOW) <= NOW + 2 * SECOND + SKEW


def test_a_hint_halves_the_rate_and_empties_the_bucket_once_a_pause():
    limit = Limit(count=100, per=SECOND)
    once = slowed(full(limit, NOW), NOW, NOW + MINUTE, "429")
    twice = slowed(once, NOW + SECOND, NOW + 2 * MINUTE, "429")
    assert (once.rate, once.tokens, once.reason) == (limit.rate // 2, 0, "429")
    assert (twice.rate, twice.blocked_until) == (limit.rate // 2, NOW + 2 * MINUTE)


def test_a_later_hint_shortens_no_pause():
    bucket = slowed(full(Limit(count=1, per=SECOND), NOW), NOW, NOW + HOUR, "")
    assert slowed(bucket, NOW + 1, NOW + MINUTE, "").blocked_until == NOW + HOUR


@given(limits, st.integers(1, 40))
def test_however_often_it_is_told_a_bucket_keeps_some_of_its_rate(limit, times):
    bucket = full(limit, NOW)
    for one in range(times):
        bucket = slowed(bucket, NOW + one * HOUR, NOW + one * HOUR + 1, "")
    assert bucket.rate >= max(1, limit.rate // SLOWEST)


@given(limits, st.integers(1, 12), st.integers(1, 50))
def test_what_is_taken_over_brings_a_slowed_bucket_back_to_its_rate_and_not_beyond(limit, times, batches):
    bucket = full(limit, NOW)
    for one in range(times):
        bucket = slowed(bucket, NOW + one * HOUR, NOW + one * HOUR + 1, "")
    rates = [bucket.rate]
    for _ in range(batches):
        at_full_rate = limit.rate * RECOVERY // PER_SECOND
        bucket = limiting.recovered(bucket, bucket.updated_at, at_full_rate // batches + 1)
        rates.append(bucket.rate)
    assert rates == sorted(rates)
    assert (rates[-1], max(rates)) == (limit.rate, limit.rate)


def test_recovery_goes_by_equal_steps_in_equal_times():
    bucket = attrs.evolve(full(Limit(count=100, per=SECOND), NOW), rate=50 * PER_SECOND)
    after = [bucket.rate / PER_SECOND]
    for _ in range(100):
        bucket = limiting.recovered(bucket, NOW, round(bucket.rate / PER_SECOND))
        after.append(bucket.rate / PER_SECOND)
    gains = [later - before for before, later in pairwise(after)]
    assert min(gains) == pytest.approx(100 / RECOVERY, rel=0.02)
    assert max(gains) == pytest.approx(100 / RECOVERY, rel=0.02)


# -- nested ----------------------------------------------------------------------------------------------------------

KEYS = st.sampled_from("abcdef")


@given(
    st.lists(st.lists(KEYS, unique=True, max_size=4), max_size=40),
    st.fixed_dictionaries({key: st.integers(0, 12) for key in "abcdef"}),
)
def test_nested_buckets_never_let_more_through_than_any_of_them(passes, left):
    wanted = dict(enumerate(passes))
    going, short = limiting.share(wanted, left)
    through = {key: sum(key in wanted[one] for one in going) for key in left}
    assert all(through[key] <= left[key] for key in left)
    assert sorted([*going, *short]) == sorted(wanted)
    assert all(short[one] and through[key] == left[key] for one in short for key in short[one])


def test_who_comes_first_goes_first():
    assert limiting.share({3: ["a"], 1: ["a", "b"], 2: ["b"]}, {"a": 1, "b": 1}) == ([3, 2], {1: ["a"]})


@given(st.lists(st.one_of(st.none(), limits), max_size=4))
def test_the_tightest_of_several_limits_keeps_them_all(several):
    found = limiting.tightest(several)
    known = [one for one in several if one is not None]
    assert (found is None) == (not known)
    assert all(found.rate <= one.rate and found.size <= one.size for one in known)


# -- limits that change, and limits that are learned ------------------------------------------------------------------


@given(limits, limits)
def test_a_bucket_under_a_new_limit_keeps_it_and_stays_slowed_in_proportion(old, new):
    bucket = fitted(slowed(full(old, NOW), NOW, NOW + 1, ""), new, NOW)
    assert bucket.tokens <= new.size * TOKEN
    assert (bucket.nominal, bucket.burst) == (new.rate, new.size * TOKEN)
    assert max(1, new.rate // 2 - new.rate // old.rate - 1) <= bucket.rate <= max(1, new.rate // 2 + 1)


def test_a_bucket_whose_limit_is_gone_keeps_what_it_has_learned_until_it_has_recovered():
    limit = Limit(count=10, per=SECOND)
    slow = slowed(full(limit, NOW), NOW, NOW + 1, "")
    assert fitted(slow, None, NOW) == attrs.evolve(slow, limit=None)
    assert fitted(limiting.recovered(slow, NOW, MANY), None, NOW).rate == 0
    assert fitted(full(limit, NOW), None, NOW).rate == 0


def test_a_bucket_without_a_rate_lets_all_through():
    assert passing(unmetered(NOW), NOW, MANY) == MANY
    assert ready_at(unmetered(NOW), NOW) == NOW


def test_a_bucket_that_gets_a_limit_begins_full_and_stays_blocked():
    bucket = fitted(slowed(unmetered(NOW), NOW, NOW + MINUTE, "429"), Limit(count=5, per=SECOND), NOW)
    assert (bucket.tokens, bucket.blocked_until) == (5 * TOKEN, NOW + MINUTE)


@pytest.mark.parametrize(
    "parts",
    [
        {"count": 0},
        {"count": -1},
        {"per": 0},
        {"burst": -1},
        {"count": 10**9 + 1},
        {"count": 11, "per": 10},
        {"per": 10**30},
    ],
)
def test_a_limit_that_makes_no_sense_is_refused(parts):
    with pytest.raises(InvalidValue, match=r"go from|goes from"):
        Limit(**{"count": 1, "per": SECOND, **parts})


# -- circuits ---------------------------------------------------------------------------------------------------------


def tripped():
    return limiting.faulted(unmetered(NOW), NOW, FAULTS, "535")


@pytest.mark.parametrize(("faults", "passes"), [([1], MANY), ([1] * (FAULTS - 1), MANY), ([1] * FAULTS, 0), ([50], 0)])
def test_a_circuit_opens_after_so_many_faults_in_a_row(faults, passes):
    bucket = unmetered(NOW)
    for count in faults:
        bucket = limiting.faulted(bucket, NOW, count, "535")
    assert passing(bucket, NOW, MANY) == passes


def test_a_message_that_was_taken_over_begins_the_count_anew():
    bucket = limiting.closed(limiting.faulted(unmetered(NOW), NOW, FAULTS - 1, "535"))
    assert passing(limiting.faulted(bucket, NOW, 1, "535"), NOW, MANY) == MANY


def test_after_its_pause_a_circuit_lets_one_message_try_and_no_other_meanwhile():
    bucket = tripped()
    at = ready_at(bucket, NOW)
    assert passing(bucket, at, MANY) == 1
    assert passing(taken(bucket, at, 1), at + SECOND, MANY) == 0


def test_a_trial_that_succeeds_closes_the_circuit():
    at = ready_at(tripped(), NOW)
    assert passing(limiting.closed(taken(tripped(), at, 1)), at, MANY) == MANY


def test_each_trial_that_fails_makes_the_pause_longer_up_to_an_hour():
    bucket, at, pauses = tripped(), NOW, []
    for _ in range(9):
        pauses.append(ready_at(bucket, at) - at)
        at = ready_at(bucket, at)
        bucket = taken(bucket, at, 1)
        bucket = limiting.faulted(bucket, at, 1, "535")
    assert pauses == [MINUTE, 2 * MINUTE, 4 * MINUTE, 8 * MINUTE, 16 * MINUTE, 32 * MINUTE, HOUR, HOUR, HOUR]


def test_what_had_left_before_a_circuit_opened_makes_its_pause_no_longer():
    assert limiting.faulted(tripped(), NOW + SECOND, 50, "535") == tripped()


def test_a_success_during_a_pause_a_carrier_asked_for_does_not_end_it():
    bucket = slowed(limiting.faulted(unmetered(NOW), NOW, 1, "535"), NOW, NOW + HOUR, "429")
    assert ready_at(limiting.closed(bucket), NOW) == NOW + HOUR
