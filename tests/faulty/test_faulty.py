"""Each faulty plugin fails the check that is meant for its fault, and no other."""

from __future__ import annotations

from functools import cache

import pytest

from tests.faulty.catching import all_faulty, checked

FAULTY = all_faulty()
FEWEST = 30


@cache
def found(kind):
    return checked([one for one in FAULTY if one.kind == kind])


@pytest.mark.parametrize("plugin", FAULTY, ids=lambda one: one.name)
def test_it_fails_the_check_that_is_meant_for_it_and_no_other(plugin):
    assert found(plugin.kind)[plugin.name].failed == {plugin.breaks}, plugin.promise


@pytest.mark.parametrize("plugin", FAULTY, ids=lambda one: one.name)
def test_its_other_checks_were_made(plugin):
    assert found(plugin.kind)[plugin.name].ran > 1


def test_there_are_thirty_of_them_and_more():
    assert len(FAULTY) >= FEWEST


def test_no_two_of_a_kind_break_the_same_promise():
    assert len({(one.kind, one.promise) for one in FAULTY}) == len(FAULTY)
