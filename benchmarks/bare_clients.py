"""The limits that the driver is held against: what asyncio and h2 do for requests made beforehand, and nothing around them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import ResponseReceived, StreamEnded

Header = tuple[bytes, bytes]


async def one(port: int, request: bytes, count: int, in_flight: int) -> None:
    """Send a request again and again over so many connections, and read each answer by its length."""
    left = iter(range(count))
    await asyncio.gather(*(_exchanges(port, request, left) for _ in range(in_flight)))


async def _exchanges(port: int, request: bytes, left: Iterator[int]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in left:
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
        body = await reader.readexactly(int(length))
        if head[9:12] != b"200" or not body:
            raise SystemExit("the server did not answer as it should")
    writer.close()
    await writer.wait_closed()


async def two(port: int, headers: Sequence[Header], body: bytes, count: int, in_flight: int) -> None:
    """Send a request again and again over one connection of HTTP/2, with so many streams open."""
    loop = asyncio.get_running_loop()
    line = _Line(headers, body, count, in_flight)
    transport, _ = await loop.create_connection(lambda: line, "127.0.0.1", port)
    await line.done
    transport.close()


class _Line(asyncio.Protocol):
    def __init__(self, headers: Sequence[Header], body: bytes, count: int, in_flight: int) -> None:
        # What is left out here the driver leaves out, too.
        config = H2Configuration(validate_outbound_headers=False, normalize_outbound_headers=False)
        self._h2 = H2Connection(config)
        self._headers, self._body, self._left, self._in_flight = headers, body, count, in_flight
        self._wanted = count
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._h2.initiate_connection()
        for _ in range(min(self._in_flight, self._left)):
            self._begin()
        transport.write(self._h2.data_to_send())

    def data_received(self, data: bytes) -> None:
        for event in self._h2.receive_data(data):
            if isinstance(event, ResponseReceived) and event.headers[0] != (b":status", b"200"):
                raise SystemExit("the server did not answer as it should")
            if isinstance(event, StreamEnded):
                self._wanted -= 1
                if self._left:
                    self._begin()
        self._transport.write(self._h2.data_to_send())
        if not self._wanted and not self.done.done():
            self.done.set_result(None)

    def _begin(self) -> None:
        self._left -= 1
        number = self._h2.get_next_available_stream_id()
        self._h2.send_headers(number, self._headers)
        self._h2.send_data(number, self._body, end_stream=True)
