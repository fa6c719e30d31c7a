"""Says Accepted where the carrier has said `later`."""

from __future__ import annotations

from crmcore.hooks.provider import Accepted
from tests.faulty.couriers import OfCourier
from tests.testing.courier import CourierSession

BREAKS = "test_trouble_is_reported_as_what_it_is"


class Optimistic(CourierSession):
    def refused(self, message, said):
        refused = super().refused(message, said)
        return Accepted(delivery_id=message.delivery_id) if said == b"LATER" else refused


class TestOptimistic(OfCourier):
    package = __name__
    bad = Optimistic
