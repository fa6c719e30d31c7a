"""Tells with what it had been let in, where it is in doubt."""

from __future__ import annotations

import attrs

from tests.faulty.couriers import OfCourier
from tests.testing.courier import CourierSession

BREAKS = "test_in_trouble_secrets_stay_hidden"


class Thorough(CourierSession):
    def lost_after(self, message):
        return attrs.evolve(super().lost_after(message), evidence=f"no answer after PASS {self._password}")


class TestThorough(OfCourier):
    package = __name__
    bad = Thorough
