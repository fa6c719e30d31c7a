"""Row ids grow with time and are never given twice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmcore.model.ids import EPOCH_MS, IdSource, LeaseEnded

START = EPOCH_MS * 1000


@given(st.lists(st.tuples(st.integers(0, 9000), st.integers(0, 5_000_000)), max_size=8))
def test_ids_grow_and_never_repeat_whatever_the_clock_does(takes):
    source = IdSource(7, 0, 10_000_000)
    ids = [one for count, later in takes for one in source.take(count, START + later)]
    assert ids == sorted(set(ids))


def test_an_id_has_63_bits():
    [last] = IdSource(1023, 0, 2**41).take(1, START + (2**41 - 2) * 1000)
    assert last < 2**63


def test_no_id_is_given_beyond_the_lease():
    source = IdSource(0, 0, 2)
    with pytest.raises(LeaseEnded):
        source.take(4096 * 2 + 1, START)


def test_two_nodes_never_give_the_same_id():
    one, other = IdSource(1, 0, 100), IdSource(2, 0, 100)
    assert not set(one.take(5000, START)) & set(other.take(5000, START))
