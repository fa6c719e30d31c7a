"""Who is compared: whoever shares something, each pair once, and nobody for what too many share."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from crmcore.flow.duplicates.blocking import BORN, EMAIL, KINDS, NAME, PHONE, Blocks, keys, kind, number, pairs_of
from crmcore.flow.duplicates.profiles import profile

KEYS = st.frozensets(st.tuples(st.integers(0, len(KINDS) - 1), st.sampled_from("abcd")), max_size=5)


def blocks_of(customers):
    blocks = Blocks()
    for customer, shared in customers.items():
        blocks.add(customer, {number(key) for key in shared})
    return blocks


@given(st.lists(KEYS, max_size=12), st.integers(2, 5))
def test_each_pair_that_shares_a_key_that_few_share_comes_once(customers, most):
    named = dict(enumerate(customers))
    blocks = blocks_of(named)
    too_large = blocks.sizes(most).too_large
    numbers = {customer: frozenset(map(number, shared)) - too_large.keys() for customer, shared in named.items()}
    found = Counter(pair for block in blocks.shared(most) for pair in pairs_of(block, numbers))
    sizes = Counter(key for shared in customers for key in shared)
    expected = {
        (one, other)
        for one, other in combinations(named, 2)
        if any(sizes[key] <= most for key in named[one] & named[other])
    }
    assert found == Counter(expected)


def test_what_too_many_share_is_told_with_its_size_and_one_of_them():
    blocks = blocks_of({customer: [(EMAIL, "office"), (PHONE, str(customer // 2))] for customer in range(6)})
    sizes = blocks.sizes(5)
    assert {kind(key): large.size for key, large in sizes.too_large.items()} == {EMAIL: 6}
    assert sizes.shared == 6
    assert len(list(blocks.shared(5))) == 3


def shared(one, other):
    facts = [{name: [value] for name, value in each.items()} for each in (one, other)]
    found = [set(keys(profile(place, each))) for place, each in enumerate(facts)]
    return {key[0] for key in found[0] & found[1]}


def test_a_name_is_shared_in_any_order():
    assert NAME in shared({"name": "Anna Weber"}, {"name": "WEBER, Anna"})


def test_a_phone_number_is_shared_however_it_is_written():
    assert PHONE in shared({"phone": "+49 30 1234567"}, {"phone": "030-1234567"})


def test_a_birth_date_needs_a_name_that_sounds_alike():
    born = {"birth_date": "1980-02-01"}
    assert BORN in shared({"name": "Anna Meier", **born}, {"name": "Peter Maier", **born})
    assert shared({"name": "Anna Meier", **born}, {"name": "Peter Koch", **born}) == set()


def test_one_word_alone_brings_nobody_together():
    assert shared({"name": "Budi"}, {"name": "Budi"}) == set()
