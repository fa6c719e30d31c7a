"""Goes on with the next message where it was to end."""

from __future__ import annotations

from contextlib import suppress

from tests.faulty.couriers import OfCourier
from tests.testing.courier import CourierSession

BREAKS = "test_a_send_that_is_closed_early_leaves_what_it_said"


class Unstoppable(CourierSession):
    def send(self, batch):
        for result in super().send(batch):
            with suppress(GeneratorExit):
                yield result


class TestUnstoppable(OfCourier):
    package = __name__
    bad = Unstoppable
