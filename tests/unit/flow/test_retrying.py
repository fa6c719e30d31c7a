"""A delivery that did not go waits longer each time, by chance and yet the same again, and never past its expiry."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmcore.flow import retrying
from crmcore.flow.outcome import outcomes
from crmcore.hooks.provider import InDoubt, Permanent, Retry
from crmcore.model.delivery import State
from crmcore.model.time import DAY, HOUR, MINUTE, SECOND
from tests.unit.flow.claimed import claimed

NOW = 1_770_000_000 * SECOND


@given(st.integers(1, 2**63 - 1), st.integers(0, 10_000))
def test_the_wait_lies_between_a_second_and_the_longest_of_its_attempt(delivery_id, attempt):
    longest = min(4 * HOUR, MINUTE * 2 ** min(max(attempt - 1, 0), 20))
    assert SECOND <= retrying.backoff(delivery_id, attempt) < longest


@given(st.integers(1, 2**63 - 1), st.integers(1, 30))
def test_the_same_attempt_of_the_same_delivery_waits_the_same(delivery_id, attempt):
    assert retrying.backoff(delivery_id, attempt) == retrying.backoff(delivery_id, attempt)


def test_what_failed_together_comes_back_spread_over_the_whole_span():
    waits = sorted(retrying.backoff(one, 5) for one in range(1000))
    quarters = [sum(low <= one < low + 4 * MINUTE for one in waits) for low in range(0, 16 * MINUTE, 4 * MINUTE)]
    assert sum(quarters) == 1000
    assert all(200 < one < 300 for one in quarters)


@pytest.mark.parametrize(
    ("after", "wait"),
    [(60, MINUTE), (0.25, SECOND // 4), (1e-9, 1), (float("inf"), 30 * DAY), (1e300, 30 * DAY)],
)
def test_what_a_carrier_asks_for_is_heeded(after, wait):
    [one] = outcomes([claimed(7)], {7: Retry(delivery_id=7, after=after)}, NOW)
    assert (one.settled.state, one.settled.due_at) == (State.DEFERRED, NOW + wait)


@pytest.mark.parametrize("answered", [{}, {7: InDoubt(delivery_id=7, evidence="cut")}], ids=["no answer", "in doubt"])
@pytest.mark.parametrize("attempt", [1, 9])
def test_a_transactional_message_that_may_have_left_goes_again_as_its_attempts_say(answered, attempt):
    [one] = outcomes([claimed(7, attempt=attempt)], answered, NOW)
    assert (one.settled.state, one.settled.due_at) == (State.PLANNED, NOW + retrying.backoff(7, attempt))


@pytest.mark.parametrize("after", [0, -5, float("nan")])
def test_where_a_carrier_asks_for_nothing_the_attempts_say_how_long(after):
    [one] = outcomes([claimed(7, attempt=3)], {7: Retry(delivery_id=7, after=after)}, NOW)
    assert one.settled.due_at == NOW + retrying.backoff(7, 3)


@pytest.mark.parametrize("result", [Retry(delivery_id=7, after=HOUR), Permanent(delivery_id=7, fault="sender")])
def test_nothing_is_put_off_beyond_its_expiry(result):
    [one] = outcomes([claimed(7, attempt=9, expires_at=NOW + 1)], {7: result}, NOW)
    assert one.settled.due_at == NOW + 1


def test_the_fault_of_a_sender_fails_no_delivery():
    [one] = outcomes([claimed(7)], {7: Permanent(delivery_id=7, fault="sender", code="535")}, NOW)
    assert (one.settled.state, one.settled.reason) == (State.DEFERRED, "535")
