"""Asks the machine's clock when a customer has written."""

from __future__ import annotations

import time

import attrs
import pytest

from crmcore.testing.postbox import Postbox
from tests.testing import test_webhook_suite as sound

BREAKS = "test_reading_is_pure"


class Clocked(Postbox):
    def parse_webhook(self, request, now):
        read = super().parse_webhook(request, now)
        return attrs.evolve(read, inbound=tuple(attrs.evolve(one, at=time.time_ns() // 1000) for one in read.inbound))


class TestClocked(sound.OfPostbox):
    made = Clocked

    def postgresql(self):
        pytest.skip("both stores would tell the same")
