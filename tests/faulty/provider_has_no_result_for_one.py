"""Says nothing of what it has not begun."""

from __future__ import annotations

from crmcore.hooks.provider import NotStarted
from tests.faulty.couriers import OfCourier
from tests.testing.courier import CourierSession

BREAKS = "test_trouble_is_reported_as_what_it_is"


class Reticent(CourierSession):
    def send(self, batch):
        return (one for one in super().send(batch) if not isinstance(one, NotStarted))


class TestReticent(OfCourier):
    package = __name__
    bad = Reticent
