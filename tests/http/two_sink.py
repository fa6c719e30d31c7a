"""A small server of HTTP/2 on loopback: it takes what is posted, and misbehaves where it is told to."""

from __future__ import annotations

import attrs
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import DataReceived, RequestReceived, StreamEnded
from h2.settings import SettingCodes

from crmcore.testing.http_sink import Answer, Post
from crmcore.testing.loopback import HungUp, Loopback, Silence

PREFACE = 24
HEAD = 9


@attrs.frozen
class Refuse:
    """Refuse the stream: nothing was done about it."""


@attrs.frozen
class Leave:
    """Say goodbye once so many streams were seen; those get their answers."""

    seen: int


@attrs.frozen
class Garbage:
    """Answer with a status that is none."""


def usual(_stage, _key):
    return None


class Forgetful(H2Connection):
    """A connection that keeps nothing of the streams that have ended."""

    MAX_CLOSED_STREAMS = 10


class TwoSink(Loopback):
    """`script(stage, key)` tells what to do at `connect`, `request` and `taken`."""

    def __init__(self, script=usual, settings=(), also=None):
        super().__init__(self._converse_on)
        self.posts = []
        self.streams = []
        self._script, self._settings, self._also = script, dict(settings), also

    def _converse_on(self, wire):
        self._do(wire, None, 0, self._script("connect", ""))
        h2 = Forgetful(H2Configuration(client_side=False, header_encoding="utf-8"))
        h2.initiate_connection()
        h2.update_settings(self._settings)
        wire.say(h2.data_to_send())
        h2.receive_data(wire.exactly(PREFACE))
        open_, self._last = {}, 2**31
        while True:
            head = wire.exactly(HEAD)
            for event in h2.receive_data(head + wire.exactly(int.from_bytes(head[:3]))):
                self._take(wire, h2, open_, event)
            wire.say(h2.data_to_send())

    def _take(self, wire, h2, open_, event):
        if getattr(event, "stream_id", 0) > self._last:
            return
        if isinstance(event, RequestReceived):
            self.streams.append(event.stream_id)
            open_[event.stream_id] = (dict(event.headers), bytearray())
            key = open_[event.stream_id][0].get("idempotency-key", "")
            self._do(wire, h2, event.stream_id, self._script("request", key))
        elif isinstance(event, DataReceived):
            h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            open_[event.stream_id][1].extend(event.data)
        elif isinstance(event, StreamEnded):
            self._answer(wire, h2, event.stream_id, *open_.pop(event.stream_id))

    def _answer(self, wire, h2, number, headers, body):
        key = headers.get("idempotency-key", "")
        if self._do(wire, h2, number, self._script("body", key)):
            return
        self._keep(Post(headers[":path"], key, bytes(body)))
        if not self._do(wire, h2, number, self._script("taken", key)):
            _say(h2, number, Answer(status=200, body=b'{"id": "h-%d"}' % len(self.posts)))

    def _keep(self, post):
        if self._also is not None:
            self._also.append(post)
        self.posts.append(post)

    def _do(self, wire, h2, number, what):
        match what:
            case None:
                return False
            case Answer():
                _say(h2, number, what)
            case Silence():
                wire.stall(what)
            case Garbage():
                h2.send_headers(number, [(":status", "abc")], end_stream=True)
            case Refuse():
                h2.reset_stream(number, ErrorCodes.REFUSED_STREAM)
            case Leave(seen=seen):
                self._last = self.streams[seen - 1]
                wire.say(h2.data_to_send() + goaway(self._last))
                return False
            case _:
                raise HungUp
        return True


def goaway(last):
    return (8).to_bytes(3) + b"\x07\0" + (0).to_bytes(4) + last.to_bytes(4) + (0).to_bytes(4)


def _say(h2, number, answer):
    h2.send_headers(number, [(":status", str(answer.status)), *answer.headers.items()])
    h2.send_data(number, answer.body, end_stream=True)


__all__ = ["Garbage", "Leave", "Refuse", "SettingCodes", "TwoSink"]
