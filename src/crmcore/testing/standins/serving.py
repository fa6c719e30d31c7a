"""Servers on loopback for ASGI applications, HTTP/1.1 and HTTP/2, with TLS or without, in a thread of their own."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from crmcore.testing.standins.app import StandIns
from crmcore.testing.standins.faults import Drop, Fault, Garbage, Silence, Slow

if TYPE_CHECKING:
    from crmcore.testing.standins.certificates import Authority

Protocol = Literal["http/1.1", "h2"]
_PATIENCE = 5.0


class Server:
    """A server that runs; `served` starts one. `url` has no slash at its end."""

    def __init__(self, app: StandIns, protocol: Protocol, authority: Authority | None) -> None:
        self.protocol, self._app, self._authority = protocol, app, authority
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self._connections: set[Any] = set()
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.host, self.port = "127.0.0.1", int(self._listener.getsockname()[1])
        self.url = f"{'https' if authority else 'http'}://{self.host}:{self.port}"

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._connections)

    def start(self) -> None:
        """Listen; return once it does."""
        self._thread.start()
        self._ready.wait(_PATIENCE)

    def close(self) -> None:
        """Listen no more, and end what is open; closed already, do nothing."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(_PATIENCE)

    def hang_up(self) -> None:
        """Close all connections that are open now."""
        self._loop.call_soon_threadsafe(self._abort)

    def go_away(self, reason: bytes = b'{"reason":"Shutdown"}') -> None:
        """Over HTTP/2: tell all connections that no new request is taken; those under way are answered."""
        self._loop.call_soon_threadsafe(lambda: [one.go_away(reason) for one in list(self._connections)])

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        make = _factory(self.protocol)(self._app, self._connections)
        tls = self._authority.server_context(self.protocol) if self._authority else None
        entry = lambda: Entry(self._app, make, self._connections)  # noqa: E731 - a factory, as asyncio asks for
        server = await self._loop.create_server(entry, sock=self._listener, ssl=tls, backlog=512)
        self._ready.set()
        await self._stop.wait()
        server.close()
        self._abort()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        if others:
            await asyncio.wait(others, timeout=1)
        await asyncio.sleep(0)

    def _abort(self) -> None:
        for one in list(self._connections):
            one.transport.abort()


class Entry(asyncio.Protocol):
    """A new connection, until the script has said what becomes of it."""

    transport: asyncio.Transport

    def __init__(self, app: StandIns, make: Callable[[], asyncio.BaseProtocol], connections: set[Any]) -> None:
        self._app, self._make, self._connections = app, make, connections

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Hand it on, or do what the script says."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        fault = self._app.script("connect", "")
        if fault is None or isinstance(fault, Slow):
            inner = self._make()
            transport.set_protocol(inner)
            inner.connection_made(transport)
            return
        self._connections.add(self)
        self._suffer(fault)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's own
        """Count it no more."""
        self._connections.discard(self)

    def _suffer(self, fault: Fault) -> None:
        if isinstance(fault, Drop):
            self.transport.abort()
        elif isinstance(fault, Garbage):
            self.transport.write(b"%$!\r\n\r\n")
            self.transport.close()
        elif isinstance(fault, Silence) and fault.drip is not None:
            self._drip(fault.drip)

    def _drip(self, seconds: float) -> None:
        if self in self._connections and not self.transport.is_closing():
            self.transport.write(b"2")
            asyncio.get_running_loop().call_later(seconds, self._drip, seconds)


def _factory(protocol: Protocol) -> Callable[[Any, set[Any]], Callable[[], asyncio.BaseProtocol]]:
    if protocol == "h2":
        from crmcore.testing.standins.http2 import http2

        return http2
    from crmcore.testing.standins.http11 import http11

    return http11


@contextmanager
def served(app: StandIns, *, protocol: Protocol = "http/1.1", authority: Authority | None = None) -> Iterator[Server]:
    """Serve an application on a port of the system's choice, over TLS where an authority is given."""
    server = Server(app, protocol, authority)
    server.start()
    try:
        yield server
    finally:
        server.close()
