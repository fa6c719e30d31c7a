"""Servers of HTTP in a process of their own: `python answering.py KIND` prints its port and serves until its input ends.

`meta`: the stand-in of crmcore.testing for Meta's Graph API, an ASGI application on uvicorn's protocol, without limits. `bare`:
an answer such as it gives to everything, as cheap as asyncio and httptools make it. `h2`: the same over HTTP/2, by h2.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, StreamEnded

TOKEN = "EAAG" * 40
BODY = b'{"messaging_product":"whatsapp","messages":[{"id":"wamid.HBgLMTY1MDM4Nzk0MzkVAgARGBI3N0YxRj"}]}'
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(BODY)


@contextmanager
def answering(kind: str) -> Iterator[int]:
    """Run a server in a process of its own; yield its port."""
    with subprocess.Popen(
        [sys.executable, __file__, kind], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        yield int(process.stdout.readline())
        process.stdin.close()


class Bare(asyncio.Protocol):
    """One connection, answered without looking at what is asked."""

    def connection_made(self, transport: Any) -> None:
        """Begin."""
        import httptools

        self._transport, self._parser = transport, httptools.HttpRequestParser(self)
        self.data_received = self._parser.feed_data  # type: ignore[method-assign]  # a call less for every piece

    def on_message_complete(self) -> None:
        """Answer."""
        self._transport.write(_HEAD + BODY)


class Two(asyncio.Protocol):
    """One connection of HTTP/2."""

    def connection_made(self, transport: Any) -> None:
        """Begin."""
        self._transport = transport
        self._h2 = H2Connection(H2Configuration(client_side=False, validate_inbound_headers=False))
        self._h2.initiate_connection()
        transport.write(self._h2.data_to_send())

    def data_received(self, data: bytes) -> None:
        """Answer each request that is whole."""
        for event in self._h2.receive_data(data):
            if isinstance(event, DataReceived):
                self._h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, StreamEnded):
                self._h2.send_headers(event.stream_id, [(b":status", b"200"), (b"apns-id", b"E2")], end_stream=True)
        self._transport.write(self._h2.data_to_send())


def _meta() -> Callable[[], asyncio.BaseProtocol]:
    from crmcore.testing.standins.app import StandIns
    from crmcore.testing.standins.http11 import http11
    from crmcore.testing.standins.meta import Meta, Sender
    from crmcore.testing.standins.meta_content import Approved

    meta = Meta(token=TOKEN, senders=[Sender(rate=1_000_000)], pair_burst=None)
    meta.approve(Approved(name="sale", body=1))
    return http11(StandIns(meta), set())


async def serve(kind: str) -> None:
    """Serve until the input ends."""
    make = {"meta": _meta, "bare": lambda: Bare, "h2": lambda: Two}[kind]()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(make, "127.0.0.1", 0, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
