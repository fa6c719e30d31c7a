"""Writes the day, by the machine's clock, on the message."""

from __future__ import annotations

import time

import attrs

from crmcore.hooks.provider import Carriage
from tests.faulty.couriers import OfCourier
from tests.testing.courier import CourierSession

BREAKS = "test_a_message_sent_again_is_the_same_on_the_wire"


class Dating(CourierSession):
    def carry(self, message):
        return super().carry(attrs.evolve(message, message_key=f"{message.message_key}-{time.time() // 86_400:.0f}"))


class TestDating(OfCourier):
    package = __name__
    bad = Dating
    carriage = Carriage(batch=50)
