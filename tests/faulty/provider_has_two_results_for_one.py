"""Says twice that it refuses an address."""

from __future__ import annotations

from tests.faulty.couriers import OfCourier
from tests.testing.courier import CourierSession

BREAKS = "test_a_poisonous_message_has_a_result_and_spoils_no_other"


class Emphatic(CourierSession):
    def send(self, batch):
        unwritable = {one.delivery_id for one in batch if not one.address.value.isascii()}
        for result in super().send(batch):
            yield result
            if result.delivery_id in unwritable:
                yield result


class TestEmphatic(OfCourier):
    package = __name__
    bad = Emphatic
