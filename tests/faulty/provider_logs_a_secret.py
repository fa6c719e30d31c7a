"""Logs the password with which it was not let in."""

from __future__ import annotations

import logging

from tests.faulty.couriers import OfCourier
from tests.testing.courier import CourierSession

log = logging.getLogger(__name__)
BREAKS = "test_in_trouble_secrets_stay_hidden"


class Loose(CourierSession):
    def connected(self):
        if not super().connected():
            log.warning("no entry with %s", self._password)
        return self.connection is not None


class TestLoose(OfCourier):
    package = __name__
    bad = Loose
