"""Names a receipt that no contract knows."""

from __future__ import annotations

from crmcore.hooks.provider import Carriage
from tests.faulty.couriers import OfCourier
from tests.testing.courier import CourierSession

BREAKS = "test_the_carriage_is_honest"


class Boasting(CourierSession):
    pass


class TestBoasting(OfCourier):
    package = __name__
    bad = Boasting
    carriage = Carriage(idempotency="key", batch=50, receipts=frozenset({"accepted", "admired"}))
