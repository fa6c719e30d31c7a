"""Wants an argument that its hook is not given."""

from __future__ import annotations

from crmcore.hooks.marker import hookimpl
from tests.testing import test_plugin_suite as sound
from tests.testing.test_gate_suite import Curfew

BREAKS = "test_its_hooks_fit"


class Otherwise:
    @hookimpl
    def crm_register_gates(self, setup, config):
        return [Curfew()]


class TestOtherwise(sound.TestNight):
    def plugin(self):
        return Otherwise()
