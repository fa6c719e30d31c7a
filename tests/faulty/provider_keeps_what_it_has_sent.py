"""Keeps the messages that it has carried."""

from __future__ import annotations

import attrs

from tests.faulty.couriers import OfCourier
from tests.testing.courier import CourierSession

BREAKS = "test_memory_stays_flat"


class Hoarding(CourierSession):
    def carry(self, message):
        self.__dict__.setdefault("carried", []).append(attrs.evolve(message))
        return super().carry(message)


class TestHoarding(OfCourier):
    package = __name__
    bad = Hoarding
