"""Names a message otherwise at every attempt, as if it were another."""

from __future__ import annotations

import attrs

from crmcore.hooks.provider import Carriage
from tests.faulty.couriers import OfCourier
from tests.testing.courier import CourierSession

BREAKS = "test_a_message_sent_again_is_the_same_on_the_wire"


class Numbering(CourierSession):
    def carry(self, message):
        key = f"{message.message_key}-{message.attempt}" if message.attempt > 1 else message.message_key
        return super().carry(attrs.evolve(message, message_key=key))


class TestNumbering(OfCourier):
    package = __name__
    bad = Numbering
    carriage = Carriage(batch=50)
