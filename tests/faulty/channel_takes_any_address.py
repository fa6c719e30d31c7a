"""Takes for an address whatever stands where one is to be."""

from __future__ import annotations

from crmcore.errors import InvalidIdentity
from tests.testing import test_channel_suite as sound

BREAKS = "test_whatever_an_address_holds_it_is_normal_or_refused"


class Careless(sound.Letters):
    def validate_address(self, address):
        if address.kind not in self.capabilities.address_kinds:
            raise InvalidIdentity(place="address", problem="it is of another kind")
        return address


class TestCareless(sound.OfLetters):
    package = __name__
    made = Careless
