"""Holds up the batch for a minute, where the carrier has said `later`."""

from __future__ import annotations

import threading

from crmcore.testing.counterpart import Step
from tests.faulty.couriers import OfCourier
from tests.testing.courier import CourierSession

BREAKS = "test_trouble_takes_bounded_time"


class Blocking(CourierSession):
    def refused(self, message, said):
        if said == b"LATER":
            threading.Event().wait(self.again)
        return super().refused(message, said)


class TestBlocking(OfCourier):
    package = __name__
    bad = Blocking
    steps = (Step(name="to", kinds=frozenset({"temporary"}), addressed=True),)
