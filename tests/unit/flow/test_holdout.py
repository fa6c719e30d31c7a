"""Who is held out: a share, the same whenever it is asked, and another in each workspace."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from crmcore.flow.holdout import is_globally_held_out


def held_out(share, secret=b"a"):
    return {one for one in range(10_000) if is_globally_held_out(SimpleNamespace(secret=secret), share, one)}


@pytest.mark.parametrize(("share", "least", "most"), [(0.0, 0, 0), (0.05, 430, 570), (0.5, 4800, 5200)])
def test_it_is_the_share_that_was_asked_for(share, least, most):
    assert least <= len(held_out(share)) <= most


def test_a_smaller_share_is_part_of_a_greater_one():
    assert held_out(0.05) < held_out(0.1)


def test_another_workspace_leaves_out_others():
    both = held_out(0.1, b"a") & held_out(0.1, b"b")
    assert len(both) < 200
