"""Writes the day on its letters, by the machine's clock."""

from __future__ import annotations

import json
import time

from tests.testing import test_channel_suite as sound

BREAKS = "test_the_same_draft_gives_the_same_bytes"


class Dated(sound.Letters):
    def body(self, text, draft):
        return json.dumps({"to": draft.address.value, "text": text, "day": time.time() // 86_400}).encode()


class TestDated(sound.OfLetters):
    package = __name__
    made = Dated
