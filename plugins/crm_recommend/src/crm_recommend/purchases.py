"""Interactions as arrays: positions instead of ids, net of returns, weighed by age."""

from __future__ import annotations

import math
from collections.abc import Sequence

import attrs
import numpy as np
import numpy.typing as npt
from scipy import sparse

from crmcore.hooks.recommender import PURCHASE, RETURN, Fit, Interactions

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
DAY = 86_400_000_000


@attrs.frozen(kw_only=True, eq=False)
class Held:
    """Items a customer bought more often than returned: positions, rising, and how much each weighs, 0 or more."""

    item: Ints
    weight: Floats


@attrs.frozen(kw_only=True, eq=False)
class Purchases:
    """Purchases and returns (weight -1) of the catalogue's items, sorted so that no order of rows matters.

    `items` and `customers` are sorted ids; `item` and `customer` are positions in them; `age` in microseconds.
    """

    items: Ints
    customers: Ints
    item: Ints
    customer: Ints
    age: Floats
    weight: Floats
    basket: Ints

    def held(self, half_life: float = math.inf) -> sparse.csr_array:
        """Return customers x items: a pair is there when bought more often than returned, weighed by age."""
        counted, summed = self._summed(self.weight), self._summed(self.weight * halved(self.age, half_life))
        kept = counted.data > 0
        before = np.concatenate(([0], np.cumsum(kept)))
        parts = (np.maximum(summed.data[kept], 0.0), counted.indices[kept], before[counted.indptr])
        return sparse.csr_array(parts, shape=counted.shape)

    def popularity(self, half_life: float, window: float = math.inf) -> Floats:
        """Return how much each item is bought, newly more than long ago, between 0 and 1; `window` in days."""
        weight = np.where(self.age <= window * DAY, self.weight * halved(self.age, half_life), 0.0)
        total = np.maximum(np.bincount(self.item, weights=weight, minlength=len(self.items)), 0.0)
        most = total.max(initial=0.0)
        return total / most if most > 0 else total

    def _summed(self, weights: Floats) -> sparse.csr_array:
        shape = (len(self.customers), len(self.items))
        summed = sparse.coo_array((weights, (self.customer, self.item)), shape=shape).tocsr()
        summed.sum_duplicates()
        return summed


def purchases(data: Fit, now: int) -> Purchases:
    """Return what was bought and returned by `now`, as far as the catalogue has it."""
    items = np.unique(np.array([item.id for item in data.items], dtype=np.int64))
    customer, place, weight, age, basket = _rows(data.interactions, items, now)
    order = np.lexsort((weight, basket, place, age, customer))
    customers, position = np.unique(customer[order], return_inverse=True)
    return Purchases(
        items=items,
        customers=customers,
        item=place[order],
        customer=position,
        age=age[order],
        weight=weight[order],
        basket=basket[order],
    )


def held_live(history: Interactions, items: Ints, now: int, half_life: float) -> Held:
    """Return what one customer holds by a history given with the request."""
    _, place, weight, age, _ = _rows(history, items, now)
    order = np.lexsort((weight, place, age))
    item, pair = np.unique(place[order], return_inverse=True)
    aged = weight[order] * halved(age[order], half_life)
    kept = np.bincount(pair, weights=weight[order], minlength=len(item)) > 0
    total = np.bincount(pair, weights=aged, minlength=len(item))
    return Held(item=item[kept], weight=np.maximum(total[kept], 0.0))


def halved(age: Floats | float, half_life: float) -> Floats:
    """Return 1 for what is new, a half after each `half_life` days; ages in microseconds."""
    return np.exp2(-np.maximum(age, 0.0) / (half_life * DAY))


def positions(ids: Sequence[int] | Ints, known: Ints) -> Ints:
    """Return the positions of ids in a sorted array, -1 where they are not in it."""
    wanted = np.asarray(ids, dtype=np.int64)
    if not len(known):
        return np.full(len(wanted), -1, dtype=np.int64)
    found = np.searchsorted(known, wanted).clip(max=len(known) - 1)
    return np.where(known[found] == wanted, found, -1)


def _rows(given: Interactions, items: Ints, now: int) -> tuple[Ints, Ints, Floats, Floats, Ints]:
    """Return customer, item position, weight, age and basket of what counts; the columns are read in place."""
    names = (given.customer, given.item, given.kind, given.at, given.basket)
    customer, item, kind, at, basket = (np.frombuffer(one, dtype=np.int64) for one in names)
    place = positions(item, items)
    kept = ((kind == PURCHASE) | (kind == RETURN)) & (at <= now) & (place >= 0)
    weight = np.where(kind[kept] == PURCHASE, 1.0, -1.0)
    return customer[kept], place[kept], weight, np.subtract(now, at[kept], dtype=np.float64), basket[kept]
