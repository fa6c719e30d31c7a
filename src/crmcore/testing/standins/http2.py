"""HTTP/2 on h2: one connection of an asyncio server, each stream of which is an exchange of an ASGI application."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, MutableMapping
from typing import Any

import attrs
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    RequestReceived,
    StreamEnded,
    StreamReset,
    WindowUpdated,
)
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes
from hyperframe.frame import GoAwayFrame

from crmcore.testing.standins.app import WIRE, Scope

#: As APNs announces it.
STREAMS = 1000
_CONFIG = H2Configuration(client_side=False, header_encoding=None)


class _Connection(H2Connection):
    """One that keeps of streams that have ended no more than of the last ones: those who send look for what grows."""

    MAX_CLOSED_STREAMS = 128


_PSEUDO = b":"
_HEADERS = {b":authority": b"host"}


@attrs.define(eq=False)
class Stream:
    """One exchange: what comes in as ASGI events, and what waits to go out."""

    connection: Http2
    number: int
    scope: Scope
    events: asyncio.Queue[MutableMapping[str, Any]] = attrs.field(factory=asyncio.Queue)
    head: list[tuple[bytes, bytes]] = attrs.field(factory=list)
    waiting: bytes = b""
    ending: bool = False
    gone: bool = False

    async def send(self, event: MutableMapping[str, Any]) -> None:
        """Take an ASGI event of the application."""
        if self.gone:
            return
        if event["type"] == "http.response.start":
            named = [(name.lower(), value) for name, value in event.get("headers", ())]
            self.head = [(b":status", b"%d" % event["status"]), *named]
            return
        self.waiting += event.get("body", b"")
        self.ending = not event.get("more_body", False)
        self.connection.go_on(self)

    def drop(self) -> None:
        """Reset the stream; the others go on."""
        self.connection.reset(self)

    def garbage(self) -> None:
        """Answer a status that there is not."""
        self.head, self.waiting, self.ending = [(b":status", b"999")], b"%$!", True
        self.connection.go_on(self)

    def end(self) -> None:
        """Tell the application that nobody listens any more."""
        self.gone = True
        self.events.put_nowait({"type": "http.disconnect"})


class Http2(asyncio.Protocol):
    """One connection."""

    transport: asyncio.Transport

    def __init__(self, app: Callable[..., Any], connections: set[Any]) -> None:
        self._app, self._connections = app, connections
        self._h2 = _Connection(config=_CONFIG)
        self._h2.local_settings[SettingCodes.MAX_CONCURRENT_STREAMS] = STREAMS
        self._streams: dict[int, Stream] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._last: int | None = None
        self._is_flushing = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._connections.add(self)
        self._h2.initiate_connection()
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's own
        """End all exchanges."""
        self._connections.discard(self)
        for stream in list(self._streams.values()):
            stream.end()

    def data_received(self, data: bytes) -> None:
        """Take what has come."""
        try:
            for event in self._h2.receive_data(data):
                self._take(event)
        except ProtocolError:
            self._flush()
            self.transport.close()
            return
        self._flush()

    def _take(self, event: Event) -> None:
        if isinstance(event, RequestReceived):
            self._open(event)
        elif isinstance(event, DataReceived):
            assert event.flow_controlled_length is not None
            self._h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            self._hand(event.stream_id, event.data or b"", more=True)
        elif isinstance(event, StreamEnded):
            self._hand(event.stream_id, b"", more=False)
        elif isinstance(event, StreamReset):
            self._forget(event.stream_id)
        elif isinstance(event, WindowUpdated):
            for stream in list(self._streams.values()):
                self.go_on(stream)
        elif isinstance(event, ConnectionTerminated):
            self.transport.close()

    def _open(self, event: RequestReceived) -> None:
        assert event.stream_id is not None
        if self._last is not None and event.stream_id > self._last:
            return
        scope = _scope(list(event.headers or ()))
        stream = self._streams[event.stream_id] = Stream(self, event.stream_id, scope)
        scope["extensions"] = {WIRE: {"wire": stream}}
        task = asyncio.get_running_loop().create_task(self._app(scope, stream.events.get, stream.send))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _hand(self, number: int | None, data: bytes, *, more: bool) -> None:
        stream = self._streams.get(number or 0)
        if stream is not None:
            stream.events.put_nowait({"type": "http.request", "body": data, "more_body": more})

    def go_on(self, stream: Stream) -> None:
        """Send the head, and as much of what waits as the peer's window has room for.

        The last frame ends the stream: clients of APNs take a frame of no data for a body.
        """
        if stream.gone or not (stream.head or stream.waiting or stream.ending):
            return
        if stream.head:
            self._h2.send_headers(stream.number, stream.head, end_stream=stream.ending and not stream.waiting)
            stream.head = []
        elif not stream.waiting:
            self._h2.end_stream(stream.number)
        while stream.waiting and (room := self._room(stream)) > 0:
            part, stream.waiting = stream.waiting[:room], stream.waiting[room:]
            self._h2.send_data(stream.number, part, end_stream=stream.ending and not stream.waiting)
        if stream.ending and not stream.waiting:
            self._forget(stream.number)
        self._flush_soon()

    def _room(self, stream: Stream) -> int:
        return min(self._h2.local_flow_control_window(stream.number), self._h2.max_outbound_frame_size)

    def reset(self, stream: Stream) -> None:
        """End an exchange without an answer."""
        self._h2.reset_stream(stream.number, ErrorCodes.INTERNAL_ERROR)
        self._flush()
        self._forget(stream.number)

    def go_away(self, reason: bytes) -> None:
        """Take no new exchange; those begun are answered, then the connection ends (RFC 9113, 6.8)."""
        self._last = self._h2.highest_inbound_stream_id
        frame = GoAwayFrame(0, last_stream_id=self._last, error_code=ErrorCodes.NO_ERROR, additional_data=reason)
        self.transport.write(frame.serialize())
        self._leave()

    def _forget(self, number: int | None) -> None:
        stream = self._streams.pop(number or 0, None)
        if stream is not None:
            stream.end()
        self._leave()

    def _leave(self) -> None:
        if self._last is not None and not self._streams:
            self._flush()
            self.transport.close()

    def _flush_soon(self) -> None:
        """Let answers that are ready at once leave together."""
        if not self._is_flushing:
            self._is_flushing = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        self._is_flushing = False
        data = self._h2.data_to_send()
        if data:
            self.transport.write(data)


def _scope(headers: list[tuple[bytes, bytes]]) -> Scope:
    pseudo = {name: value for name, value in headers if name.startswith(_PSEUDO)}
    path, _, query = pseudo[b":path"].partition(b"?")
    plain = [(_HEADERS.get(name, name), value) for name, value in headers if name in _HEADERS or name[:1] != _PSEUDO]
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "2",
        "method": pseudo[b":method"].decode(),
        "scheme": pseudo[b":scheme"].decode(),
        "path": path.decode("latin-1"),
        "raw_path": path,
        "query_string": query,
        "root_path": "",
        "headers": plain,
    }


def http2(app: Any, connections: set[Any]) -> Callable[[], asyncio.BaseProtocol]:
    """Return what makes the protocol of a new connection."""
    return lambda: Http2(app, connections)
