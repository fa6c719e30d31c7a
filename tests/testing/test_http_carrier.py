"""Every message ends in one result, and which one is decided by how far its request had come."""

from __future__ import annotations

from contextlib import contextmanager

import pytest

from crmcore.hooks.provider import Accepted, InDoubt, NotStarted, Outgoing, Permanent, Retry, Suppress
from crmcore.http.driver import Driver
from crmcore.model.http import Http
from crmcore.model.identity import Identity
from crmcore.model.purpose import MessageClass
from crmcore.model.time import SystemClock
from crmcore.testing.http_carrier import HttpCarrier
from crmcore.testing.http_sink import Answer, HttpSink
from crmcore.testing.loopback import Cut, Drop, Slow
from crmcore.testing.provider_suite import ProviderSuite, Step, Taken

TIMEOUT = 0.2


def outgoing(number):
    return Outgoing(
        delivery_id=number,
        address=Identity("email", f"{number}@example.com"),
        body=b"hello",
        message_key=f"k{number}",
        message_class=MessageClass.TRANSACTIONAL,
    )


@contextmanager
def opened(sink):
    settings = Http(timeout=TIMEOUT)
    with Driver(settings, SystemClock().now) as driver, driver.open(HttpCarrier(sink.host, sink.port)) as session:
        yield session


def carry(sink, count=3):
    with opened(sink) as session:
        return sorted(session.send([outgoing(number) for number in range(count)]), key=lambda one: one.delivery_id)


def test_messages_go_each_under_its_key():
    with HttpSink() as sink:
        results = carry(sink)
    assert [type(one) for one in results] == [Accepted] * 3
    assert sorted((one.key, one.body) for one in sink.posts) == [(f"k{number}", b"hello") for number in range(3)]


def test_connections_are_kept_from_batch_to_batch():
    connections = []

    def script(stage, _key):
        connections.extend(["connect"] if stage == "connect" else [])

    with HttpSink(script) as sink, opened(sink) as session:
        for number in range(3):
            assert [type(one) for one in session.send([outgoing(number)])] == [Accepted]
    assert connections == ["connect"]


@pytest.mark.parametrize(
    ("stage", "what", "kind"),
    [
        ("request", Drop(), InDoubt),
        ("body", Drop(), InDoubt),
        ("taken", Drop(), InDoubt),
        ("taken", Cut(20), InDoubt),
        ("taken", Slow(TIMEOUT * 3), InDoubt),
        ("taken", Answer(status=500), InDoubt),
        ("body", Answer(status=503), Retry),
        ("body", Answer(status=429, headers={"Retry-After": "7"}), Retry),
        ("body", Answer(status=410), Suppress),
        ("body", Answer(status=422), Permanent),
    ],
)
def test_a_fault_is_of_its_message_alone(stage, what, kind):
    with HttpSink(lambda at, key: what if (at, key) == (stage, "k1") else None) as sink:
        results = carry(sink)
    assert [type(one) for one in results] == [Accepted, kind, Accepted]
    assert all(one.after == 7 for one in results if isinstance(one, Retry) and one.code == "429")


def test_where_nobody_listens_nothing_has_started():
    with HttpSink() as sink:
        pass
    assert [type(one) for one in carry(sink)] == [NotStarted] * 3


def test_a_connection_the_server_closed_meanwhile_is_made_anew():
    """What was sent into it would be in doubt."""
    with HttpSink() as sink, opened(sink) as session:
        first = list(session.send([outgoing(0)]))
        sink.hang_up()
        second = list(session.send([outgoing(1)]))
    assert [type(one) for one in first + second] == [Accepted] * 2


ANSWERS = {"drop": Drop(), "temporary": Answer(status=503), "permanent": Answer(status=422)}


class SinkCounterpart(HttpSink):
    """The sink, in the trouble that the suite asks for."""

    def __init__(self, trouble):
        super().__init__(self._script)
        self._trouble = trouble

    @property
    def place(self):
        return self.host, self.port

    def taken(self):
        return [Taken(body=one.body, key=one.key) for one in list(self.posts)]

    def offered(self):
        return ()

    def recover(self):
        self._trouble = None

    def forget(self):
        self.posts.clear()

    def _script(self, stage, _key):
        one = self._trouble
        return None if one is None or one.step != stage else ANSWERS[one.kind]


class TestHttpCarrier(ProviderSuite):
    """A request leaves in one piece: from then on only an answer tells what became of it."""

    steps = (
        Step(name="connect", kinds=frozenset({"refused"})),
        Step(name="request", kinds=frozenset({"drop"}), final=True),
        Step(name="body", kinds=frozenset(ANSWERS), final=True),
        Step(name="taken", kinds=frozenset({"drop"}), final=True),
    )

    @contextmanager
    def counterpart(self, trouble=None):
        with SinkCounterpart(trouble) as sink:
            if trouble is not None and trouble.kind == "refused":
                sink.close()
            yield sink

    def provider(self, place, *, timeout):
        return HttpCarrier(*place)
