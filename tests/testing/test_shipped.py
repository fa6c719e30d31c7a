"""The stand-ins that are shipped keep the contracts they stand in for."""

from __future__ import annotations

from contextlib import contextmanager

from crmcore.hooks.provider import Permanent
from crmcore.testing.fakes import Recorder, accept
from crmcore.testing.provider_suite import ProviderSuite, Step, Taken


class Records:
    """What a recorder has recorded; the carrier and its counterpart are one."""

    connections = 0

    def __init__(self, trouble):
        self.place = Recorder(self._answer)
        self._trouble = trouble

    def taken(self):
        sent = [one for one in self.place.sent if not self._is_troubled(one)]
        return [Taken(body=one.body, address=one.address.value) for one in sent]

    def offered(self):
        return [one.address.value for one in self.place.sent]

    def recover(self):
        self._trouble = None

    def forget(self):
        self.place.sent.clear()

    def _answer(self, message):
        refused = Permanent(delivery_id=message.delivery_id, fault="address")
        return refused if self._is_troubled(message) else accept(message)

    def _is_troubled(self, message):
        return self._trouble is not None and message.address.value == self._trouble.address


class TestRecorder(ProviderSuite):
    survives = False
    package = "crmcore.testing.fakes"
    steps = (Step(name="answer", kinds=frozenset({"permanent"}), addressed=True),)

    @contextmanager
    def counterpart(self, trouble=None):
        yield Records(trouble)

    def provider(self, place, *, timeout):
        return place
