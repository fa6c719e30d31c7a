"""A small shop that engines are asked about."""

from __future__ import annotations

from array import array

import pytest

from crm_recommend.engine import Engine
from crm_recommend.settings import checked
from crmcore.hooks.recommender import PURCHASE, Fit, Interactions, Item, Request

DAY = 86_400_000_000
SMALL = {"als": {"factors": 8, "iterations": 5, "regularization": 0.1}}


class Shop:
    """30 customers, 8 items, 6 purchases each; rows are (customer, item, kind, days ago, basket)."""

    now = 1000 * DAY
    items = tuple(range(10, 90, 10))
    rows = tuple(
        (
            customer,
            10 * (1 + (customer * 3 + step) % 8),
            PURCHASE,
            5 + step * 7 + customer % 3,
            customer * 10 + step // 2,
        )
        for customer in range(1, 31)
        for step in range(6)
    )

    def engine(self, name, **changes):
        return Engine(name, checked(name, SMALL.get(name, {}) | changes))

    def interactions(self, rows):
        columns = {name: array("q") for name in ("customer", "item", "kind", "at", "quantity", "value", "basket")}
        for customer, item, kind, days, basket in rows:
            values = (customer, item, kind, self.now - days * DAY, 1_000_000, 100, basket)
            for column, value in zip(columns.values(), values, strict=True):
                column.append(value)
        return Interactions(**columns)

    def fitted(self, name, rows=rows, items=items, seed=1, **changes):
        one = self.engine(name, **changes)
        data = Fit(interactions=self.interactions(rows), items=[Item(id=item) for item in items])
        return one, one.fit(data, now=self.now, seed=seed)

    def ask(self, name, *requests, now=now, **given):
        one, model = self.fitted(name, **given)
        return list(one.recommend(model, requests, now=now))

    def ids(self, name, customer, *, repeat="allow", k=8, **given):
        [ranking] = self.ask(name, Request(customer=customer, k=k, repeat=repeat), **given)
        return [one.item for one in ranking.items]

    def bought(self, customer):
        return {item for who, item, *_ in self.rows if who == customer}


@pytest.fixture(scope="session")
def shop():
    return Shop()
