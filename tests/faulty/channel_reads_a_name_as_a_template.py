"""Reads what a template comes to as a template."""

from __future__ import annotations

import attrs

from crmcore.hooks.channel import Rendered
from tests.testing import test_channel_suite as sound

BREAKS = "test_what_a_customer_is_called_stays_where_it_is_put"


class Twice(sound.Letters):
    def letter(self, one, draft):
        if isinstance(one, Rendered) and "{{ 7" in one.preview["text"]:
            text = one.preview["text"].replace("{{ 700077 * 3 }}", str(700077 * 3))
            one = attrs.evolve(one, preview={"text": text})
        return super().letter(one, draft)


class TestTwice(sound.OfLetters):
    package = __name__
    made = Twice
