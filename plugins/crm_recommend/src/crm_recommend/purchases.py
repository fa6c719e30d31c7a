"""Interactions as arrays: positions instead of ids, net of returns, weighed by age."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt
from scipy import sparse

from crmcore.hooks.recommender import PURCHASE, RETURN, Fit, Interactions

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
DAY = 86_400_000_000


@attrs.frozen(kw_only=True, eq=False)
class Purchases:
    """Purchases and returns (weight -1) of the catalogue's items, sorted so that no order of rows matters.

    `items` and `customers` are sorted ids; `item` and `customer` are positions in them; `at` microseconds UTC.
    """

    items: Ints
    customers: Ints
    item: Ints
    customer: Ints
    at: Ints
    weight: Floats
    basket: Ints

    def aged(self, now: int, half_life: float) -> Floats:
        """Return the weights, halved for every `half_life` days."""
        return self.weight * np.exp2(-(now - self.at) / (half_life * DAY))

    def matrix(self, weights: Floats) -> sparse.csr_array:
        """Return customers x items, the weights of a pair added up; what is not above 0 is left out."""
        shape = (len(self.customers), len(self.items))
        summed = sparse.coo_array((weights, (self.customer, self.item)), shape=shape).tocsr()
        summed.sum_duplicates()
        summed.data[summed.data <= 0] = 0.0
        summed.eliminate_zeros()
        summed.sort_indices()
        return summed

    def popularity(self, now: int, half_life: float) -> Floats:
        """Return how much each item is bought, newly more than long ago; between 0 and 1."""
        counted = np.bincount(self.item, weights=self.aged(now, half_life), minlength=len(self.items))
        total: Floats = np.maximum(counted, 0.0, dtype=np.float64)
        most = total.max(initial=0.0)
        return total / most if most > 0 else total


def columns(given: Interactions) -> tuple[Ints, Ints, Ints, Ints, Ints]:
    """Return customer, item, kind, at and basket without copying."""
    names = (given.customer, given.item, given.kind, given.at, given.basket)
    customer, item, kind, at, basket = (np.frombuffer(one, dtype=np.int64) for one in names)
    return customer, item, kind, at, basket


def purchases(data: Fit, now: int) -> Purchases:
    """Return what was bought and returned by `now` of the items that are in the catalogue; equal rows of an event stay."""
    items = np.unique(np.array([item.id for item in data.items], dtype=np.int64))
    customer, item, kind, at, basket = columns(data.interactions)
    kept = ((kind == PURCHASE) | (kind == RETURN)) & (at <= now) & np.isin(item, items)
    order = np.lexsort((basket[kept], kind[kept], item[kept], at[kept], customer[kept]))
    customer, item, kind, at, basket = (one[kept][order] for one in (customer, item, kind, at, basket))
    customers, positions = np.unique(customer, return_inverse=True)
    return Purchases(
        items=items,
        customers=customers,
        item=np.searchsorted(items, item),
        customer=positions,
        at=at,
        weight=np.where(kind == PURCHASE, 1.0, -1.0),
        basket=basket,
    )


def own(given: Interactions, items: Ints, now: int) -> tuple[Ints, Ints, Floats]:
    """Return one customer's live history: item positions, times and weights."""
    _, item, kind, at, _ = columns(given)
    kept = ((kind == PURCHASE) | (kind == RETURN)) & (at <= now) & np.isin(item, items)
    return np.searchsorted(items, item[kept]), at[kept], np.where(kind[kept] == PURCHASE, 1.0, -1.0)
