"""Gives the results out in the order of the ids, whatever the order of the batch."""

from __future__ import annotations

import attrs

from tests.faulty.couriers import OfCourier
from tests.testing.courier import CourierSession

BREAKS = "test_order_does_not_matter"


class Confused(CourierSession):
    def send(self, batch):
        for one, message in zip(super().send(batch), sorted(batch, key=lambda m: m.delivery_id), strict=True):
            yield attrs.evolve(one, delivery_id=message.delivery_id)


class TestConfused(OfCourier):
    package = __name__
    bad = Confused
