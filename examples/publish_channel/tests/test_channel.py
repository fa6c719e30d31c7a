"""The channel passes the suite of its contract."""

from collections.abc import Sequence
from typing import ClassVar

from crmcore.hooks.channel import Channel
from crmcore.model.identity import Identity
from crmcore.testing.channel_suite import ChannelSuite

from acme_sms.channel import Sms


class TestSms(ChannelSuite):
    package = "acme_sms"
    parts: ClassVar = {"text": "Dear {{ customer.name }}, we have news."}

    def channel(self) -> Channel:
        return Sms()

    def addresses(self) -> Sequence[Identity]:
        return [Identity("phone", "+44 (7700) 900-123")]

    def outline(self, body: bytes) -> object:
        """A text has no inner form: it is one piece, whatever is in it."""
        return len([body.decode()])
