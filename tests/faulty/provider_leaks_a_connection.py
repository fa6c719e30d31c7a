"""Forgets a connection on which no answer came, and leaves it open."""

from __future__ import annotations

from typing import ClassVar

from tests.faulty.couriers import OfCourier
from tests.testing.courier import CourierSession

BREAKS = "test_after_trouble_the_session_carries_on"


class Leaking(CourierSession):
    kept: ClassVar[list] = []

    def lost_after(self, message):
        self.kept.append(self.connection)
        self.connection, self.buffer = None, b""
        return super().lost_after(message)


class TestLeaking(OfCourier):
    package = __name__
    bad = Leaking
