"""Keys what it reads by the time at which it reads it."""

from __future__ import annotations

import attrs
import pytest

from crmcore.testing.postbox import Postbox
from tests.testing import test_webhook_suite as sound

BREAKS = "test_told_a_day_later_it_is_the_same"


class Counting(Postbox):
    def parse_webhook(self, request, now):
        read = super().parse_webhook(request, now)
        made = tuple(attrs.evolve(one, key=f"{one.key} {now}") for one in read.feedback)
        return attrs.evolve(read, feedback=made)


class TestCounting(sound.OfPostbox):
    made = Counting

    def postgresql(self):
        pytest.skip("both stores would tell the same")
