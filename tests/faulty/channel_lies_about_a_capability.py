"""Says that fewer characters fit than it takes."""

from __future__ import annotations

import attrs

from tests.testing import test_channel_suite as sound

BREAKS = "test_what_is_too_long_is_refused"


class Wordy(sound.Letters):
    def __init__(self):
        super().__init__()
        self.capabilities = attrs.evolve(self.capabilities, content_length=sound.MOST - 50)


class TestWordy(sound.OfLetters):
    package = __name__
    made = Wordy
