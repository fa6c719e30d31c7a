"""Tries a message again, where the carrier has said `later`."""

from __future__ import annotations

from tests.faulty.couriers import OfCourier
from tests.testing.courier import CourierSession

BREAKS = "test_in_trouble_the_provider_neither_waits_nor_tries_again"


class Stubborn(CourierSession):
    def refused(self, message, said):
        if said == b"LATER":
            self.reset()
            self.asked(b"TO %s %s\n" % (message.message_key.encode(), message.address.value.encode()))
        return super().refused(message, said)


class TestStubborn(OfCourier):
    package = __name__
    bad = Stubborn
