"""The ledger's law: every state counts in one column, and only some moves exist."""

import pytest

from crmcore.model.delivery import BOOKS, MOVES, Book, State


def test_every_state_counts_in_one_column():
    assert set(BOOKS) == set(State)
    assert set(BOOKS.values()) == set(Book)


def test_every_state_says_where_it_may_go():
    assert set(MOVES) == set(State)


@pytest.mark.parametrize("state", [State.SKIPPED, State.EXPIRED, State.CANCELLED, State.READ])
def test_the_end_is_the_end(state):
    assert not MOVES[state]


def test_nothing_is_sent_that_was_not_handed_over_first():
    origins = {origin for origin, allowed in MOVES.items() if State.ACCEPTED in allowed}
    assert origins == {State.HANDED, State.IN_DOUBT}
