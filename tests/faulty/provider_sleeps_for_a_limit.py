"""Waits by itself, where the carrier has said `later`."""

from __future__ import annotations

import time

from tests.faulty.couriers import OfCourier
from tests.testing.courier import CourierSession

BREAKS = "test_in_trouble_the_provider_neither_waits_nor_tries_again"


class Sleepy(CourierSession):
    def refused(self, message, said):
        if said == b"LATER":
            time.sleep(self.again)
        return super().refused(message, said)


class TestSleepy(OfCourier):
    package = __name__
    bad = Sleepy
