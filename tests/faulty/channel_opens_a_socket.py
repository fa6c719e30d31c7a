"""Looks up whom it writes to."""

from __future__ import annotations

import socket
from contextlib import suppress

from tests.testing import test_channel_suite as sound

BREAKS = "test_it_opens_no_socket_and_does_not_sleep"


class Curious(sound.Letters):
    def render(self, compiled, drafts):
        with suppress(OSError):
            socket.getaddrinfo("localhost", 25)
        return super().render(compiled, drafts)


class TestCurious(sound.OfLetters):
    package = __name__
    made = Curious
