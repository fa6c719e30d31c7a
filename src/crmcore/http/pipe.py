"""One connection of HTTP/1.1, read by aiohttp's parser: one request at a time, written in one piece."""

from __future__ import annotations

import asyncio

from aiohttp.base_protocol import BaseProtocol
from aiohttp.http import HttpResponseParser, RawResponseMessage
from aiohttp.streams import StreamReader

from crmcore.hooks.provider import HttpResponse
from crmcore.http.connecting import Connection
from crmcore.http.failing import Silent, Unanswered
from crmcore.http.wire import LARGEST

#: Seconds without a request after which a connection is not trusted to be there any more.
IDLE = 15.0
_FINAL = 200
#: aiohttp would have reading paused at twice as many bytes; what has come is taken at once, and is never so much.
_PIECE = LARGEST


class Pipe(BaseProtocol, Connection):
    """The connection, as asyncio calls it; `fetch` is called in its loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        super().__init__(self._loop)
        self._answering: HttpResponseParser | None = None
        self._message: RawResponseMessage | None = None
        self._payload: StreamReader | None = None
        self._body = b""
        self._answered: asyncio.Future[HttpResponse] = self._loop.create_future()
        self._is_spent = False
        self._used_at = self._loop.time()
        self.ready: asyncio.Future[None] = self._loop.create_future()
        self.ready.set_result(None)
        self.closed: asyncio.Future[None] = self._loop.create_future()

    @property
    def is_usable(self) -> bool:
        """Tell whether a request may go here, as far as anybody can tell."""
        is_open = self.transport is not None and not self.transport.is_closing()
        return is_open and not self._is_spent and self._loop.time() - self._used_at < IDLE

    async def fetch(self, request: bytes, seconds: float, *, has_body: bool) -> HttpResponse:
        """Return the answer; raise Unanswered. `has_body` tells whether answers to such requests have one."""
        assert self.transport is not None
        self._answering = HttpResponseParser(
            self, self._loop, _PIECE, response_with_body=has_body, read_until_eof=True, auto_decompress=False
        )
        self._message = self._payload = None
        self._body, self._answered, self._is_spent = b"", self._loop.create_future(), True
        timer = self._loop.call_later(seconds, self._fail, Silent("there was no whole answer in time"))
        self.transport.write(request)
        try:
            return await self._answered
        finally:
            timer.cancel()
            self._used_at = self._loop.time()

    def close(self) -> None:
        """Close; a request that is under way has no answer then."""
        if self.transport is not None:
            self.transport.close()

    def abort(self) -> None:
        """Close without another word."""
        if self.transport is not None:
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        """Take what has come; what nobody asked for ends the connection."""
        if not data:
            # What is read of an answer makes aiohttp ask for more of it.
            return
        if self._answering is None or self._answered.done():
            self._is_spent = True
            self.close()
            return
        try:
            messages, is_upgraded, _ = self._answering.feed_data(data)
            for message, payload in messages:
                # What comes before the answer, such as 103, is no answer.
                if message.code >= _FINAL and self._message is None:
                    self._message, self._payload = message, payload
            self._collect(is_last=not is_upgraded and len(messages) <= 1)
        except Exception as error:  # noqa: BLE001 - the parser's own errors, of several kinds
            self._fail(Unanswered(f"the answer is no HTTP: {type(error).__name__}"))

    def connection_lost(self, exc: BaseException | None) -> None:
        """An answer without a length ends with its connection; no other does."""
        if self._answering is not None and not self._answered.done():
            try:
                self._answering.feed_eof()
                self._collect(is_last=False)
            except Exception:  # noqa: BLE001 - the parser's own errors: what had come was not whole
                self._fail(Unanswered("the answer was cut off"))
            self._fail(Unanswered("the connection ended before the answer"))
        super().connection_lost(exc)
        if not self.closed.done():
            self.closed.set_result(None)

    def _collect(self, *, is_last: bool) -> None:
        """Finish, where all of the answer has come; the connection goes on where nothing came after it."""
        message, payload = self._message, self._payload
        if message is None or payload is None:
            return
        self._body += payload.read_nowait()
        if len(self._body) > LARGEST:
            self._fail(Unanswered(f"the answer has more than {LARGEST:,} bytes"))
        elif payload.is_eof() and not self._answered.done():
            self._is_spent = message.should_close or not is_last
            named = {name.lower(): value for name, value in message.headers.items()}
            self._answered.set_result(HttpResponse(status=message.code, headers=named, body=self._body))

    def _fail(self, error: Unanswered) -> None:
        if not self._answered.done():
            self._answered.set_exception(error)
        self.abort()
