"""Looks its server up as soon as it is loaded."""

from __future__ import annotations

import socket
from contextlib import suppress

from crmcore.hooks.marker import hookimpl
from tests.testing import test_plugin_suite as sound
from tests.testing.test_gate_suite import Curfew

BREAKS = "test_loading_it_starts_nothing"


class Early:
    @hookimpl
    def crm_register_gates(self, setup):
        with suppress(OSError):
            socket.getaddrinfo("localhost", 80)
        return [Curfew()]


class TestEarly(sound.TestNight):
    def plugin(self):
        return Early()
