"""From complaints to spells in which a case is open."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_operational.complaint import CLOSED, RAISED, Complaint, courses, is_open

WORDS = {"r": RAISED, "c": CLOSED}


def complaints(story):
    """Return events of a story such as "r1 c2": raised at 1, closed at 2."""
    return [
        Complaint(event_id=number, customer_id=7, name=WORDS[word[0]], at=int(word[1:]))
        for number, word in enumerate(story.split(), 1)
    ]


@pytest.mark.parametrize(
    ("story", "spell"),
    [
        ("r1", (1, None)),
        ("r1 r2", (1, None)),
        ("r1 c2", (1, 2)),
        ("r1 c2 c3", (1, 2)),
        ("r1 c2 r3", (3, None)),
        ("r1 c2 r3 c4", (3, 4)),
        ("r2 c2", (2, 2)),
        ("c2 r2", (2, 2)),
        ("c1 r2", (2, None)),
    ],
)
def test_the_latest_spell_counts(story, spell):
    [course] = courses(complaints(story)).values()
    assert (course.opened_at, course.closed_at) == spell


def test_what_was_never_raised_is_no_case():
    assert courses(complaints("c1 c2")) == {}


def test_each_ref_is_a_case_of_its_own():
    some = [
        Complaint(event_id=1, customer_id=7, name=RAISED, at=1, ref="lamp"),
        Complaint(event_id=2, customer_id=7, name=RAISED, at=1, ref="tap"),
        Complaint(event_id=3, customer_id=7, name=CLOSED, at=2, ref="lamp"),
    ]
    found = courses(some)
    assert {ref: course.closed_at for (_, ref), course in found.items()} == {"lamp": 2, "tap": None}
    assert is_open(found)


_ANY = st.builds(
    Complaint,
    event_id=st.integers(1, 99),
    customer_id=st.integers(1, 2),
    name=st.sampled_from([RAISED, CLOSED]),
    at=st.integers(0, 4),
    ref=st.sampled_from(["", "lamp"]),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(_ANY, max_size=8, unique_by=lambda one: one.event_id), st.integers())
def test_the_order_in_which_events_come_does_not_matter(some, seed):
    shuffled = random.Random(seed).sample(some, len(some))
    assert courses(shuffled) == courses(some)
