"""Sends what it has reported as in doubt once more, before the next batch."""

from __future__ import annotations

from tests.faulty.couriers import OfCourier
from tests.testing.courier import CourierSession

BREAKS = "test_after_trouble_the_session_carries_on"


class Insisting(CourierSession):
    def __init__(self, *given):
        super().__init__(*given)
        self.doubtful = []

    def send(self, batch):
        while self.doubtful and self.connected():
            self.carry(self.doubtful.pop())
        yield from super().send(batch)

    def lost_after(self, message):
        self.doubtful.append(message)
        return super().lost_after(message)


class TestInsisting(OfCourier):
    package = __name__
    bad = Insisting
