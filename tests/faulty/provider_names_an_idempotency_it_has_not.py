"""Says that copies are recognised by their key, and has one key for all messages."""

from __future__ import annotations

import attrs

from tests.faulty.couriers import OfCourier
from tests.testing.courier import CourierSession

BREAKS = "test_the_idempotency_it_names_is_what_the_counterpart_sees"


class Mistaken(CourierSession):
    def carry(self, message):
        return super().carry(attrs.evolve(message, message_key="message"))


class TestMistaken(OfCourier):
    package = __name__
    bad = Mistaken
