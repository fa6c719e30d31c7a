"""One connection of HTTP/2, by h2: many requests on it at once, as many as the other side allows."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import attrs
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    DataReceived,
    Event,
    RemoteSettingsChanged,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    WindowUpdated,
)
from h2.exceptions import H2Error

from crmcore.hooks.provider import HttpResponse
from crmcore.http.connecting import Connection
from crmcore.http.failing import Silent, Unanswered, Unreachable, Unsent
from crmcore.http.frames import Frames
from crmcore.http.wire import LARGEST

#: Seconds without a stream after which a connection is not trusted to be there any more.
IDLE = 60.0
#: Stream ids are used up in the end (2^31); a connection is given up long before.
MOST_STREAMS = 1_000_000
Header = tuple[bytes, bytes]
# hpack writes the headers of every request to its log, with the tokens that they hold.
logging.getLogger("hpack").setLevel(logging.INFO)


@attrs.define(eq=False)
class Stream:
    """One request: what of its body is still to be sent, and what of the answer has come."""

    answered: asyncio.Future[HttpResponse]
    left: bytes = attrs.field(repr=False)
    status: int = 0
    headers: dict[str, str] = attrs.field(factory=dict, repr=False)
    body: bytearray = attrs.field(factory=bytearray, repr=False)

    def fail(self, error: Exception) -> None:
        """End without an answer."""
        if not self.answered.done():
            self.answered.set_exception(error)

    def finish(self) -> None:
        """End with the answer that has come."""
        if not self.answered.done():
            self.answered.set_result(HttpResponse(status=self.status, headers=self.headers, body=bytes(self.body)))


class _Connection(H2Connection):
    """What h2 keeps of streams that have ended are answers to what comes late: that may come of the last ones."""

    MAX_CLOSED_STREAMS = 128


class Line(Connection):
    """The connection, as asyncio calls it; `fetch` is called in its loop, once `ready` is done."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        # What is sent was looked at before, and is written as it is to be.
        config = H2Configuration(validate_outbound_headers=False, normalize_outbound_headers=False)
        self._h2 = _Connection(config)
        self._frames = Frames()
        self._streams: dict[int, Stream] = {}
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._begun = 0
        self._is_leaving = self._has_to_write = False
        self._used_at = self._loop.time()
        #: Done once the other side has said what it allows: it speaks HTTP/2.
        self.ready: asyncio.Future[None] = self._loop.create_future()
        self.closed: asyncio.Future[None] = self._loop.create_future()

    @property
    def is_usable(self) -> bool:
        """Tell whether a new request may go here, as far as anybody can tell."""
        is_open = self._transport is not None and not self._transport.is_closing() and not self._is_leaving
        is_fresh = bool(self._streams) or self._loop.time() - self._used_at < IDLE
        return is_open and is_fresh and self._begun < MOST_STREAMS

    async def fetch(self, headers: Sequence[Header], body: bytes, seconds: float) -> HttpResponse:
        """Return the answer; raise Unsent or Unanswered."""
        await self._room(seconds)
        if not self.is_usable:
            raise Unsent("the connection ended")
        stream = Stream(answered=self._loop.create_future(), left=body)
        number = self._begin(stream, headers)
        timer = self._loop.call_later(seconds, stream.fail, Silent("there was no whole answer in time"))
        try:
            return await stream.answered
        except Silent:
            # Nothing more is asked of a connection that has fallen silent.
            self.leave()
            raise
        finally:
            timer.cancel()
            self._end(number)

    def close(self) -> None:
        """Say goodbye, and close."""
        self._is_leaving = True
        if self._transport is None or self._transport.is_closing():
            return
        self._h2.close_connection()
        self._write()
        self._transport.close()

    def leave(self) -> None:
        """Begin nothing more here, and close once what is under way has ended."""
        self._is_leaving = True
        self._let_in()
        if not self._streams:
            self.close()

    def abort(self) -> None:
        """Close without another word."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say what is allowed here."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        tls = transport.get_extra_info("ssl_object")
        if tls is not None and tls.selected_alpn_protocol() != "h2":
            self._lose(Unreachable("the server does not speak HTTP/2"))
            return
        self._h2.initiate_connection()
        self._write()

    def data_received(self, data: bytes) -> None:
        """Take what has come."""
        known, last = self._frames.take(data)
        try:
            for event in self._h2.receive_data(known):
                _ON.get(type(event), _passed_over)(self, event)
        except H2Error as error:
            self._write()
            self._lose(Unanswered(f"the other side does not speak HTTP/2 as it should: {type(error).__name__}"))
            return
        if last is not None:
            self._refuse(last)
        self._write_soon()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's own signature
        """Leave nobody waiting."""
        self._lose(Unanswered("the connection ended before the answer"))
        if not self.closed.done():
            self.closed.set_result(None)

    async def _room(self, seconds: float) -> None:
        """Wait until one more stream is allowed, or nothing is let in any more."""
        until = self._loop.time() + seconds
        while self._is_full() and self.is_usable:
            room: asyncio.Future[None] = self._loop.create_future()
            self._waiting.append(room)
            timer = self._loop.call_at(until, _give_up, room)
            try:
                await room
            finally:
                timer.cancel()

    def _is_full(self) -> bool:
        return len(self._streams) >= self._h2.remote_settings.max_concurrent_streams

    def _begin(self, stream: Stream, headers: Sequence[Header]) -> int:
        number = self._h2.get_next_available_stream_id()
        self._h2.send_headers(number, headers, end_stream=not stream.left)
        self._streams[number] = stream
        self._begun += 1
        self._pump(number, stream)
        self._write_soon()
        return number

    def _pump(self, number: int, stream: Stream) -> None:
        """Send as much of a body as the other side takes just now."""
        while stream.left:
            size = min(self._h2.local_flow_control_window(number), self._h2.max_outbound_frame_size)
            if size <= 0:
                return
            some, stream.left = stream.left[:size], stream.left[size:]
            self._h2.send_data(number, some, end_stream=not stream.left)

    def _end(self, number: int) -> None:
        """Forget a stream; where it had not ended by itself, tell the other side."""
        self._used_at = self._loop.time()
        stream = self._streams.pop(number, None)
        if stream is not None and not self._is_closing():
            try:
                self._h2.reset_stream(number, ErrorCodes.CANCEL)
            except H2Error:
                """It had ended meanwhile."""
            self._write_soon()
        self._let_in()
        if self._is_leaving and not self._streams:
            self.close()

    def _let_in(self) -> None:
        """Let those in who wait, as many as there is room for; all of them where nobody is let in any more."""
        room = self._h2.remote_settings.max_concurrent_streams - len(self._streams)
        while self._waiting and (room > 0 or not self.is_usable):
            one = self._waiting.popleft()
            if not one.done():
                one.set_result(None)
                room -= 1

    def _refuse(self, last: int) -> None:
        """Streams after the last that the other side has seen were not worked on."""
        for number in [one for one in self._streams if one > last]:
            self._streams.pop(number).fail(Unsent("the other side is leaving"))
        self.leave()

    def _lose(self, error: Unanswered | Unreachable) -> None:
        self._is_leaving = True
        if not self.ready.done():
            self.ready.set_exception(Unreachable("the connection ended before HTTP/2 began"))
            self.ready.exception()
        for stream in self._streams.values():
            stream.fail(error)
        self._streams.clear()
        self._let_in()
        if self._transport is not None:
            self._transport.close()

    def _is_closing(self) -> bool:
        return self._transport is None or self._transport.is_closing()

    def _write_soon(self) -> None:
        """What many requests have to say in one turn of the loop goes in one piece."""
        if not self._has_to_write:
            self._has_to_write = True
            self._loop.call_soon(self._write)

    def _write(self) -> None:
        self._has_to_write = False
        if self._transport is not None and not self._transport.is_closing() and (data := self._h2.data_to_send()):
            self._transport.write(data)

    def _on_response(self, event: ResponseReceived) -> None:
        stream = self._streams.get(event.stream_id)
        if stream is not None:
            named = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in event.headers}
            status = named.pop(":status", "")
            if status.isdecimal():
                stream.status, stream.headers = int(status), named
            else:
                stream.fail(Unanswered("the answer has no status"))

    def _on_data(self, event: DataReceived) -> None:
        self._h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        stream = self._streams.get(event.stream_id)
        if stream is None:
            return
        stream.body += event.data
        if len(stream.body) > LARGEST:
            stream.fail(Unanswered(f"the answer has more than {LARGEST:,} bytes"))

    def _on_end(self, event: StreamEnded) -> None:
        stream = self._streams.get(event.stream_id)
        if stream is None:
            return
        stream.finish()
        if not stream.left:
            del self._streams[event.stream_id]
        if self._is_leaving and not self._streams:
            self.close()

    def _on_reset(self, event: StreamReset) -> None:
        stream = self._streams.pop(event.stream_id, None)
        if stream is None:
            return
        if event.error_code == ErrorCodes.REFUSED_STREAM:
            stream.fail(Unsent("the other side has refused the stream"))
        else:
            stream.fail(Unanswered("the other side has ended the stream"))

    def _on_window(self, event: WindowUpdated) -> None:
        wanted = [event.stream_id] if event.stream_id else list(self._streams)
        for number in wanted:
            if (stream := self._streams.get(number)) is not None:
                self._pump(number, stream)

    def _on_settings(self, _: RemoteSettingsChanged) -> None:
        if not self.ready.done():
            self.ready.set_result(None)
        for number, stream in list(self._streams.items()):
            self._pump(number, stream)
        self._let_in()


def _give_up(room: asyncio.Future[None]) -> None:
    if not room.done():
        room.set_exception(Unreachable("no stream was free in time"))


def _passed_over(_line: Line, _event: Event) -> None:
    """Of pings and the like h2 takes care."""


_ON: Final[Mapping[type[Event], Callable[[Line, Any], None]]] = {
    DataReceived: Line._on_data,  # noqa: SLF001 - our own
    RemoteSettingsChanged: Line._on_settings,  # noqa: SLF001
    ResponseReceived: Line._on_response,  # noqa: SLF001
    StreamEnded: Line._on_end,  # noqa: SLF001
    StreamReset: Line._on_reset,  # noqa: SLF001
    WindowUpdated: Line._on_window,  # noqa: SLF001
}
