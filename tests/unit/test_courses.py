"""The course of a leaf, told in one go through a customer's events, says at every time what the reference says then."""

from __future__ import annotations

import sys
from bisect import bisect_right

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmcore.errors import CRMError
from crmcore.model.condition import leaves
from crmcore.model.history import History, PastEvent
from crmcore.model.time import DAY, HOUR
from crmcore.model.wording import to_condition
from crmcore.rules.tree import RULES
from crmcore.testing import populations

NOW = 1_772_366_400_000_000
LATE = st.sampled_from([0, 0, 1, HOUR, DAY, 40 * DAY])
OF_EVENTS = [kind for kind, rule in RULES.items() if rule.course is not None]


def held(rule, leaf, history, at):
    try:
        return rule.holds(history, leaf, at)
    except CRMError:
        return None


@pytest.mark.parametrize("kind", OF_EVENTS, ids=lambda kind: kind.__name__)
@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_a_course_is_what_holds_at_every_time_of_what_had_come_in_by_then(kind, data):
    drawn, rule = data.draw(populations.histories(NOW)), RULES[kind]
    events = tuple(attrs.evolve(one, id=place) for place, one in enumerate(drawn.events))
    since = {one.id: one.at + data.draw(LATE) for one in events}
    for leaf in leaves(data.draw(populations.leaves(NOW)[kind])):
        start = NOW - 35 * DAY
        course = list(rule.course(History(events=events), leaf, start, lambda one: since[one.id]))
        times = [at for at, _ in course]
        assert times[0] == start
        assert times == sorted(set(times))
        moved = (*times, *since.values())
        for at in sorted({one + step for one in moved for step in (-1, 0, 1) if one + step >= start}):
            seen = History(events=tuple(one for one in events if since[one.id] <= at))
            assert course[bisect_right(times, at) - 1][1] == held(rule, leaf, seen, at)


CONDITIONS = [
    "did bought = 3 times within 1d",
    "sum of quantity of bought >= 3 within 1d",
    "last bought older than 1h",
    "greatest quantity of bought > 2 within 1d",
    "distinct item of bought >= 2 within 1d",
    'did (bought where item = "1") then bought within 1d',
]


def calls(text, count):
    """How many functions are called for a course through so many events an hour apart."""
    events = [PastEvent(name="bought", id=n, at=n * HOUR, item=str(n % 3), quantity=n % 5) for n in range(count)]
    [leaf] = leaves(to_condition(text))
    made = 0

    def note(_frame, event, _arg):
        nonlocal made
        made += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        list(RULES[type(leaf)].course(History(events=tuple(events)), leaf, 0, lambda one: one.at))
    finally:
        sys.setprofile(None)
    return made


@pytest.mark.parametrize("text", CONDITIONS)
def test_twice_the_events_are_twice_the_work(text):
    assert calls(text, 800) < 2.2 * calls(text, 400)
