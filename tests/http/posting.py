"""What tests of the driver share: a provider that posts to a sink, and a session of it."""

from __future__ import annotations

from contextlib import contextmanager

import attrs

from crmcore.hooks.provider import Carriage, Outgoing
from crmcore.http.driver import Driver
from crmcore.model.http import Http
from crmcore.model.identity import Identity
from crmcore.model.purpose import MessageClass
from crmcore.model.time import SystemClock
from crmcore.testing.http_carrier import HttpCarrier

TIMEOUT = 0.3


class Poster(HttpCarrier):
    """The carrier for tests, at a URL of the test's choosing."""

    def __init__(self, url, **carriage):
        self._url = url
        self.carriage = attrs.evolve(Carriage(idempotency="key", batch=50), **carriage)
        self.more = {}

    def build_request(self, batch, now):
        return attrs.evolve(super().build_request(batch, now), **self.more)


def url(sink, scheme="http"):
    return f"{scheme}://127.0.0.1:{sink.port}/messages"


def outgoing(number, **fields):
    return attrs.evolve(
        Outgoing(
            delivery_id=number,
            address=Identity("email", f"{number}@example.com"),
            body=b"hello",
            message_key=f"k{number}",
            message_class=MessageClass.TRANSACTIONAL,
        ),
        **fields,
    )


@contextmanager
def opened(provider, **settings):
    http = Http(**({"timeout": TIMEOUT} | settings))
    with Driver(http, SystemClock().now) as driver, driver.open(provider) as session:
        yield session


def send(session, count=3):
    return sorted(session.send([outgoing(n) for n in range(count)]), key=lambda one: one.delivery_id)


def kinds(results):
    return [type(one).__name__ for one in results]
