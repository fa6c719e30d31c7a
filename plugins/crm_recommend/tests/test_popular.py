from __future__ import annotations

import pytest

from crmcore.hooks.recommender import PURCHASE, RETURN, Request


def scores(shop, rows, **changes):
    [ranking] = shop.ask("popular", Request(customer=None, k=8, repeat="allow"), rows=rows, **changes)
    return {one.item: one.score for one in ranking.items}


def test_a_purchase_counts_half_after_the_half_life(shop):
    found = scores(shop, [(1, 10, PURCHASE, 0, 1), (2, 20, PURCHASE, 14, 2), (3, 30, PURCHASE, 28, 3)])
    assert [found[item] for item in (10, 20, 30, 40)] == pytest.approx([1, 1 / 2, 1 / 4, 0])


def test_what_is_older_than_the_window_does_not_count(shop):
    rows = [(1, 10, PURCHASE, 31, 1), (2, 20, PURCHASE, 30, 2)]
    assert scores(shop, rows, window=30)[10] == 0
    assert scores(shop, rows, window=31)[10] > 0


def test_a_return_takes_a_purchase_back(shop):
    found = scores(shop, [(1, 10, PURCHASE, 3, 1), (1, 10, RETURN, 3, 1), (2, 20, PURCHASE, 3, 2)])
    assert (found[10], found[20]) == (0, 1)


def test_the_oldest_time_there_is_counts_as_old(shop):
    days = (2**63 + shop.now) // 86_400_000_000
    assert scores(shop, [(1, 10, PURCHASE, days, 1), (2, 20, PURCHASE, 0, 2)])[10] == 0
