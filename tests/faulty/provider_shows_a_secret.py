"""Shows its password in its repr, once it is let in."""

from __future__ import annotations

from crmcore.testing.counterpart import Step
from tests.faulty.couriers import OfCourier
from tests.testing.courier import CourierSession

BREAKS = "test_secrets_are_not_shown"


class Open(CourierSession):
    def __repr__(self):
        return f"Open({self._password if self.connection else None})"


class TestOpen(OfCourier):
    package = __name__
    bad = Open
    steps = (Step(name="connect", kinds=frozenset({"refused"})),)
