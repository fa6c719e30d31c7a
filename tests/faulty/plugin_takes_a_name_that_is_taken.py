"""Registers a gate by the name of another plugin's."""

from __future__ import annotations

from crmcore.hooks.marker import hookimpl
from tests.testing import test_plugin_suite as sound
from tests.testing.test_gate_suite import Curfew

BREAKS = "test_its_names_are_free"


class Second:
    @hookimpl
    def crm_register_gates(self, setup):
        return [Curfew()]


class TestSecond(sound.TestNight):
    def plugin(self):
        return Second()

    def others(self):
        return {"first": sound.Night()}
