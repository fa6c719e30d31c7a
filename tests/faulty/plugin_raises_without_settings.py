"""Takes it that its settings are there."""

from __future__ import annotations

from typing import ClassVar

from crmcore.hooks.marker import hookimpl
from tests.testing import test_plugin_suite as sound
from tests.testing.test_gate_suite import Curfew

BREAKS = "test_it_loads"


class Raising:
    @hookimpl
    def crm_register_gates(self, setup):
        return [Curfew() for _ in range(setup.settings["night"]["gates"])]


class TestRaising(sound.TestNight):
    settings: ClassVar = {"night": {"gates": 1}}

    def plugin(self):
        return Raising()
