"""Lets an address that cannot be encoded end the batch."""

from __future__ import annotations

from tests.faulty.couriers import OfCourier
from tests.testing.courier import CourierSession

BREAKS = "test_a_poisonous_message_has_a_result_and_spoils_no_other"


class Fragile(CourierSession):
    def send(self, batch):
        return super().send(self.encoded(batch))

    def encoded(self, batch):
        for message in batch:
            message.address.value.encode("ascii")
            yield message


class TestFragile(OfCourier):
    package = __name__
    bad = Fragile
