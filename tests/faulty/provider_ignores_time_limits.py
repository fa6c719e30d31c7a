"""Has a time limit for each byte, and none for the answer."""

from __future__ import annotations

from crmcore.testing.counterpart import Step
from tests.faulty.couriers import OfCourier
from tests.testing.courier import CourierSession, Lost

BREAKS = "test_trouble_takes_bounded_time"


class Bottomless(CourierSession):
    def answer(self):
        said = b""
        self.connection.settimeout(self.timeout * 10)
        while not said.endswith(b"\n"):
            more = self.connection.recv(100)
            if not more:
                raise Lost
            said += more
        return said.strip()


class TestBottomless(OfCourier):
    package = __name__
    bad = Bottomless
    steps = (Step(name="to", kinds=frozenset({"drip"}), addressed=True),)
