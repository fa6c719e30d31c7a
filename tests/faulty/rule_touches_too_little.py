"""Does not say that an attribute matters."""

from __future__ import annotations

import attrs
import pytest

from tests.testing import test_rule_suite as sound

BREAKS = "test_only_what_it_touches_changes_the_answer"


class Forgetful(sound.Busy):
    def touches(self, params):
        return attrs.evolve(super().touches(params), attributes=frozenset())


class TestForgetful(sound.BusySuite):
    examples = 10
    customers = 30

    def rule(self):
        return Forgetful()

    def postgresql(self):
        pytest.skip("both stores would tell the same")
