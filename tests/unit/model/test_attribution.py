"""What a customer did after messages is due to them: to one or to all, and to the cent."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmcore.model.attribution import WHOLE, Credit, Touch, attributed, shares, summed

RULES = ["first", "last", "linear"]


def touch(event_id, delivery_id, amount=None, currency="EUR", **said):
    given = {
        "customer_id": 1,
        "handed_at": delivery_id,
        "step": f"step_{delivery_id}",
        "amount": amount,
        "currency": currency,
    }
    return Touch(event_id=event_id, delivery_id=delivery_id, **given | said)


@pytest.mark.parametrize(
    ("total", "weights", "expected"),
    [
        (100, [1, 1, 1], [34, 33, 33]),
        (101, [1, 1, 1], [34, 34, 33]),
        (-100, [1, 1, 1], [-34, -33, -33]),
        (1, [1, 1, 1], [1, 0, 0]),
        (0, [1, 2], [0, 0]),
        (10, [1, 0, 3], [3, 0, 7]),
        (7, [5], [7]),
    ],
)
def test_what_cannot_be_shared_evenly_goes_to_the_largest_remainder(total, weights, expected):
    assert shares(total, weights) == expected


@given(st.integers(-(2**63), 2**63 - 1), st.lists(st.integers(0, 10**6), min_size=1, max_size=20).filter(any))
def test_shares_add_up_and_none_is_a_unit_off_its_proportion(total, weights):
    found = shares(total, weights)
    assert sum(found) == total
    assert all(
        abs(share * sum(weights) - total * weight) < sum(weights) for share, weight in zip(found, weights, strict=True)
    )


@pytest.mark.parametrize(
    ("rule", "expected"), [("first", {1: 100}), ("last", {3: 100}), ("linear", {1: 34, 2: 33, 3: 33})]
)
def test_a_goal_is_due_to_the_first_message_the_last_or_to_all(rule, expected):
    found = attributed([touch(9, 2, 100), touch(9, 3, 100), touch(9, 1, 100)], rule)
    assert {one.touch.delivery_id: one.amount for one in found} == expected


def test_of_two_messages_of_the_same_time_the_one_planned_first_is_the_first():
    both = [touch(9, 2, handed_at=5), touch(9, 1, handed_at=5)]
    assert [attributed(both, rule)[0].touch.delivery_id for rule in ("first", "last")] == [1, 2]


def test_an_event_without_an_amount_is_a_conversion_and_no_revenue():
    found = attributed([touch(9, 1)], "last")
    assert summed(found, found) == Credit(conversions=WHOLE)


def test_revenue_is_summed_in_each_currency_alone():
    found = attributed([touch(1, 1, 100), touch(2, 1, 7, "JPY"), touch(3, 2, 50)], "last")
    assert summed(found, found).revenue == {"EUR": 150, "JPY": 7}


touches = st.lists(
    st.builds(
        lambda event, delivery, at: (event, delivery, at), st.integers(1, 6), st.integers(1, 6), st.integers(0, 3)
    ),
    unique_by=lambda one: one[:2],
)


@settings(max_examples=50)
@given(touches, st.dictionaries(st.integers(1, 6), st.integers(-(10**12), 10**12)), st.sampled_from(RULES))
def test_every_event_is_due_once_and_the_sum_is_the_revenue_to_the_cent(drawn, amounts, rule):
    given_touches = [touch(event, one, amounts.get(event), handed_at=at) for event, one, at in drawn]
    due = attributed(given_touches, rule)
    whole = Counter()
    for one in due:
        whole[one.touch.event_id] += one.credit
    events = {event for event, _, _ in drawn}
    assert whole == dict.fromkeys(events, WHOLE)
    assert sum(one.amount for one in due) == sum(amounts.get(event, 0) for event in events)
