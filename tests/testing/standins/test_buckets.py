"""Buckets give what they say, and no more."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from crmcore.model.time import SECOND
from crmcore.testing.standins.buckets import Borrowing, Bucket

GAPS = st.lists(st.integers(0, 3 * SECOND), min_size=1, max_size=60)


@settings(max_examples=100)
@given(gaps=GAPS, count=st.integers(1, 10), burst=st.integers(1, 10))
def test_in_no_span_does_a_bucket_give_more_than_burst_and_rate(gaps, count, burst):
    bucket, now, given_at = Bucket(count=count, burst=burst), 0, []
    for gap in gaps:
        now += gap
        if bucket.take(now):
            given_at.append(now)
    for first, start in enumerate(given_at):
        for last in range(first, len(given_at)):
            assert last - first + 1 <= burst + (given_at[last] - start) * count / SECOND + 1


@settings(max_examples=100)
@given(gaps=GAPS, count=st.integers(1, 10))
def test_after_the_wait_there_is_one_and_not_before(gaps, count):
    bucket, now = Bucket(count=count), 0
    for gap in gaps:
        now += gap
        bucket.take(now)
    wait = bucket.wait(now)
    before = Bucket(count=count)
    before._full_at = bucket._full_at
    assert wait == 0 or not before.take(now + wait - 1)
    assert bucket.take(now + wait)


def test_what_was_borrowed_is_waited_for():
    bucket = Borrowing(per=6 * SECOND, burst=20)
    assert [bucket.take(0) for _ in range(21)] == [True] * 20 + [False]
    assert not bucket.take(20 * 6 * SECOND - 1)
    assert bucket.take(20 * 6 * SECOND)


def test_nothing_is_borrowed_once_the_span_is_over():
    bucket = Borrowing(per=6 * SECOND, burst=20)
    assert [bucket.take(0), bucket.take(0), bucket.take(6 * SECOND), bucket.take(12 * SECOND)] == [
        True,
        True,
        False,
        True,
    ]
