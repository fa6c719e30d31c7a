"""HTTP/2: many requests on one connection, and what becomes of each when the other side ends it, or only some of them."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import contextmanager

import pytest

from crmcore.http.frames import Frames
from crmcore.testing.http_sink import Answer
from crmcore.testing.loopback import Drop, Silence
from crmcore.testing.provider_suite import ProviderSuite, Step, Taken
from tests.http.posting import TIMEOUT, Poster, kinds, opened, outgoing, send, url
from tests.http.two_sink import Garbage, Leave, Refuse, SettingCodes, TwoSink, goaway


def carry(sink, count=3, **carriage):
    with opened(Poster(url(sink), protocol="h2", **carriage)) as session:
        return send(session, count)


def at(stage, key, what):
    return lambda where, whose: what if (where, whose) == (stage, key) else None


def test_messages_go_over_one_connection():
    connections = []
    with TwoSink(lambda stage, _: connections.append(stage) if stage == "connect" else None) as sink:
        assert kinds(carry(sink, 50)) == ["Accepted"] * 50
    assert sorted((one.key, one.body) for one in sink.posts) == sorted((f"k{n}", b"hello") for n in range(50))
    assert connections == ["connect"]


@pytest.mark.parametrize(
    ("stage", "what", "kind"),
    [
        ("request", Refuse(), "NotStarted"),
        ("body", Answer(status=503), "Retry"),
        ("body", Answer(status=410), "Suppress"),
        ("taken", Answer(status=500), "InDoubt"),
        ("taken", Garbage(), "InDoubt"),
    ],
)
def test_a_fault_is_of_its_message_alone(stage, what, kind):
    with TwoSink(at(stage, "k1", what)) as sink:
        assert kinds(carry(sink)) == ["Accepted", kind, "Accepted"]


def test_a_server_that_leaves_has_not_worked_on_the_streams_it_does_not_name():
    """And those that it names get their answers still."""
    with TwoSink(at("request", "k2", Leave(2))) as sink:
        assert kinds(carry(sink, 5)) == ["Accepted", "Accepted", "NotStarted", "NotStarted", "NotStarted"]


def test_after_a_goodbye_the_next_batch_goes_over_a_new_connection():
    said = iter([Leave(1)])
    script = lambda stage, _: next(said, None) if stage == "request" else None  # noqa: E731
    with TwoSink(script) as sink, opened(Poster(url(sink), protocol="h2")) as session:
        assert kinds(send(session, 1)) == ["Accepted"]
        assert kinds(send(session, 3)) == ["Accepted"] * 3


def test_a_connection_that_ends_leaves_what_went_over_it_in_doubt():
    with TwoSink(at("taken", "k1", Drop())) as sink:
        assert kinds(carry(sink)) == ["Accepted", "InDoubt", "InDoubt"]


def test_no_more_streams_are_open_than_the_server_allows():
    allowed = {SettingCodes.MAX_CONCURRENT_STREAMS: 2}
    with TwoSink(settings=allowed) as sink:
        assert kinds(carry(sink, 20)) == ["Accepted"] * 20


def test_a_silent_server_that_allows_one_stream_costs_a_few_limits():
    allowed = {SettingCodes.MAX_CONCURRENT_STREAMS: 1}
    began = time.monotonic()
    with TwoSink(lambda stage, _: Silence() if stage == "taken" else None, settings=allowed) as sink:
        found = Counter(kinds(carry(sink, 50)))
    assert found["InDoubt"] in (1, 2)
    assert found["NotStarted"] == 50 - found["InDoubt"]
    assert time.monotonic() - began < 10 * TIMEOUT


@pytest.mark.parametrize("window", [100, 10_000, 70_000])
def test_a_body_goes_as_the_server_has_room_for_it(window):
    body = bytes(range(256)) * (window // 64)
    settings = {SettingCodes.INITIAL_WINDOW_SIZE: window}
    with TwoSink(settings=settings) as sink, opened(Poster(url(sink), protocol="h2"), timeout=10) as session:
        assert kinds(session.send([outgoing(1, body=body)])) == ["Accepted"]
    assert [one.body for one in sink.posts] == [body]


def test_where_nobody_speaks_http_2_nothing_has_started():
    with TwoSink(lambda *_: Silence()) as sink:
        assert kinds(carry(sink)) == ["NotStarted"] * 3


def test_frames_are_passed_on_whole_but_for_goodbyes():
    ping = (8).to_bytes(3) + b"\x06\0" + bytes(12)
    wire = ping + goaway(7) + ping
    for size in range(1, len(wire) + 1):
        frames, passed, last = Frames(), b"", []
        for start in range(0, len(wire), size):
            known, named = frames.take(wire[start : start + size])
            passed, last = passed + known, [*last, named]
        assert passed == ping * 2
        assert [one for one in last if one is not None] == [7]


ANSWERS = {"drop": Drop(), "silence": Silence(), "temporary": Answer(status=503), "permanent": Answer(status=422)}


class TwoCounterpart(TwoSink):
    """The sink, in the trouble that the suite asks for."""

    def __init__(self, trouble):
        super().__init__(self._script_of)
        self._trouble = trouble

    @property
    def place(self):
        return f"http://{self.host}:{self.port}/messages"

    def taken(self):
        return [Taken(body=one.body, key=one.key) for one in list(self.posts)]

    def offered(self):
        return ()

    def recover(self):
        self._trouble = None

    def forget(self):
        self.posts.clear()
        self.streams.clear()

    def _script_of(self, stage, _key):
        one = self._trouble
        return None if one is None or one.step != stage else ANSWERS[one.kind]


class TestTwo(ProviderSuite):
    """A stream leaves in one piece: from then on only an answer tells what became of it."""

    steps = (
        Step(name="connect", kinds=frozenset({"refused", "drop", "silence"})),
        Step(name="request", kinds=frozenset({"drop", "silence"}), final=True),
        Step(name="body", kinds=frozenset(ANSWERS), final=True),
        Step(name="taken", kinds=frozenset({"drop", "silence"}), final=True),
    )

    @contextmanager
    def counterpart(self, trouble=None):
        with TwoCounterpart(trouble) as sink:
            if trouble is not None and trouble.kind == "refused":
                sink.close()
            yield sink

    def provider(self, place, *, timeout):
        return Poster(place, protocol="h2")
