"""Says Accepted where no answer came."""

from __future__ import annotations

from crmcore.hooks.provider import Accepted
from tests.faulty.couriers import OfCourier
from tests.testing.courier import CourierSession

BREAKS = "test_trouble_is_reported_as_what_it_is"


class Hopeful(CourierSession):
    def lost_after(self, message):
        self.drop()
        return Accepted(delivery_id=message.delivery_id)


class TestHopeful(OfCourier):
    package = __name__
    bad = Hopeful
