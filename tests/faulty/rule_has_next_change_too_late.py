"""Looks again when the last event has left its window, not when the first one does."""

from __future__ import annotations

import pytest

from tests.testing import test_rule_suite as sound

BREAKS = "test_nothing_changes_before_next_change"


class Late(sound.Busy):
    def next_change(self, history, params, now):
        return max((at for at in self.ends(history) if at > now), default=None)


class TestLate(sound.BusySuite):
    examples = 10
    customers = 30

    def rule(self):
        return Late()

    def postgresql(self):
        pytest.skip("both stores would tell the same")
