"""HTTP/1.1 by uvicorn's protocol on httptools, with a way to break a connection."""

from __future__ import annotations

from asyncio import BaseProtocol, BaseTransport, Transport, get_running_loop
from collections.abc import Callable
from typing import Any, cast

import attrs
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from crmcore.testing.standins.app import WIRE

GARBAGE = b"%$!\r\n\r\n"


@attrs.frozen
class ConnectionWire:
    """The connection of an exchange."""

    transport: Transport

    def drop(self) -> None:
        """End the connection."""
        self.transport.abort()

    def garbage(self) -> None:
        """Write what is no HTTP, and end the connection."""
        self.transport.write(GARBAGE)
        self.transport.close()


class Corked:
    """A transport that writes once what is said in one go: head and body of an answer leave together."""

    def __init__(self, transport: BaseTransport) -> None:
        self._transport, self._parts = transport, list[bytes]()

    def write(self, data: bytes) -> None:
        """Write data, together with what follows at once."""
        if not self._parts:
            get_running_loop().call_soon(self._flush)
        self._parts.append(data)

    def close(self) -> None:
        """Write what is left, and end the connection."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        data = b"".join(self._parts)
        self._parts.clear()
        if data and not self._transport.is_closing():
            cast("Transport", self._transport).write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class Http11(HttpToolsProtocol):
    """One connection."""

    def connection_made(self, transport: BaseTransport) -> None:
        """Begin."""
        super().connection_made(cast("Transport", Corked(transport)))

    def on_headers_complete(self) -> None:
        """Leave the wire where the application looks for it."""
        self.scope["extensions"] = {WIRE: {"wire": ConnectionWire(self.transport)}}
        super().on_headers_complete()


def http11(app: Any, connections: set[Any]) -> Callable[[], BaseProtocol]:
    """Return what makes the protocol of a new connection."""
    config = Config(app, log_config=None, access_log=False, ws="none", lifespan="off", timeout_keep_alive=60)
    config.load()
    state = ServerState()
    state.connections = connections
    return lambda: Http11(config, state, {})
