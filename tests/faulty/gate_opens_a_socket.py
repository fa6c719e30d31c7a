"""Looks a server up, and does without where there is none."""

from __future__ import annotations

import socket
from contextlib import suppress

from tests.testing import test_gate_suite as sound

BREAKS = "test_it_opens_no_socket"


class Elsewhere(sound.Curfew):
    def judge(self, intents, *, now):
        with suppress(OSError):
            socket.getaddrinfo("localhost", 80)
        return super().judge(intents, now=now)


class TestElsewhere(sound.TestCurfew):
    def gate(self):
        return Elsewhere()
