"""Takes addresses of kinds that it does not name."""

from __future__ import annotations

from tests.testing import test_channel_suite as sound

BREAKS = "test_it_sends_to_the_kinds_of_addresses_it_names"


class Welcoming(sound.Letters):
    def validate_address(self, address):
        return super().validate_address(address) if address.kind in self.capabilities.address_kinds else address


class TestWelcoming(sound.OfLetters):
    package = __name__
    made = Welcoming
