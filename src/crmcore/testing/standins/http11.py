"""HTTP/1.1 by uvicorn's protocol on httptools, with a way to break a connection."""

from __future__ import annotations

from asyncio import BaseProtocol, Transport
from collections.abc import Callable
from typing import Any

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


class Http11(HttpToolsProtocol):
    """One connection."""

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
