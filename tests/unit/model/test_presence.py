"""Whether an address is there follows from what was said last, in whatever order it comes in."""

from __future__ import annotations

from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmcore.model.presence import Presence


def presence(at: int, *, is_there: bool) -> Presence:
    return Presence(is_there=is_there, at=at)


@pytest.mark.parametrize("is_there", [True, False])
@pytest.mark.parametrize(("at", "counts"), [(4, False), (5, True), (6, True)])
def test_what_is_said_of_an_earlier_time_changes_nothing(at, counts, is_there):
    before, said = presence(5, is_there=not is_there), presence(at, is_there=is_there)
    assert before.after(said) == (said if counts else before)


@given(
    said=st.lists(
        st.builds(Presence, is_there=st.booleans(), at=st.integers()), min_size=1, unique_by=lambda one: one.at
    )
)
def test_the_order_does_not_matter(said):
    assert reduce(Presence.after, said) == max(said, key=lambda one: one.at)
