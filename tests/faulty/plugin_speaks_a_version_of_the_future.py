"""Registers a gate of a contract's version that there is not yet."""

from __future__ import annotations

from crmcore.hooks.marker import hookimpl
from tests.testing import test_plugin_suite as sound
from tests.testing.test_gate_suite import Curfew

BREAKS = "test_what_it_registers_speaks_this_release"


class Newer:
    @hookimpl
    def crm_register_gates(self, setup):
        gate = Curfew()
        gate.contract = 99
        return [gate]


class TestNewer(sound.TestNight):
    def plugin(self):
        return Newer()
