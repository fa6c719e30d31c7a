"""Writes to a customer without a name all the same."""

from __future__ import annotations

from crmcore.hooks.channel import Rendered, Unrendered
from tests.testing import test_channel_suite as sound

BREAKS = "test_what_is_missing_is_named"


class Blank(sound.Letters):
    def letter(self, one, draft):
        if isinstance(one, Unrendered) and one.field:
            return Rendered(delivery_id=one.delivery_id, body=self.body("Dear ", draft))
        return super().letter(one, draft)


class TestBlank(sound.OfLetters):
    package = __name__
    made = Blank
