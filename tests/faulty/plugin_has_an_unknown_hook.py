"""Has a hook that nobody calls."""

from __future__ import annotations

from crmcore.hooks.marker import hookimpl
from tests.testing import test_plugin_suite as sound
from tests.testing.test_gate_suite import Curfew

BREAKS = "test_its_hooks_fit"


class Misspelt:
    @hookimpl
    def crm_register_gate(self, setup):
        return [Curfew()]


class TestMisspelt(sound.TestNight):
    def plugin(self):
        return Misspelt()
