"""Shops with three channels."""

from __future__ import annotations

import pytest

from tests.flow.journeys.channelling import Shop


@pytest.fixture
def open_shop(new_database, clock):
    shops: list[Shop] = []

    def opened(name: str = "shop.db", **settings) -> Shop:
        shops.append(Shop(new_database(name), clock, **settings))
        return shops[-1]

    yield opened
    for shop in shops:
        shop.crm.close()


@pytest.fixture
def shop(open_shop) -> Shop:
    return open_shop()
