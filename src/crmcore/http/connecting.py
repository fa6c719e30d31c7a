"""Connections of HTTP/2: looked up, connected, through a proxy where there is one, and encrypted, within one time limit."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Callable
from ssl import SSLContext
from typing import TypeVar
from urllib.parse import unquote, urlsplit

from crmcore.http.addresses import Target
from crmcore.http.failing import Unreachable, Unsound
from crmcore.http.looking_up import Allowed, Place, anyone, places

Spoken = TypeVar("Spoken", bound=asyncio.Protocol)
_ESTABLISHED, _END, _LONGEST = b" 200", b"\r\n\r\n", 65_536


async def connected(
    to: Target, context: SSLContext | None, make: Callable[[], Spoken], allowed: Allowed, proxy: str | None
) -> Spoken:
    """Return a protocol with a connection; raise Refused, Unreachable, Unsound, OSError."""
    if proxy is None:
        return await _direct(to, context, make, await places(to.host, to.port, allowed))
    if context is None:
        raise Unsound("HTTP/2 goes through a proxy with TLS only")
    # Whoever may not be called is not called by a proxy either: it is told the address that was looked at.
    host = to.host if allowed is anyone else str((await places(to.host, to.port, allowed))[0][4][0])
    return await _tunnelled(to, host, context, make, proxy)


async def _direct(to: Target, context: SSLContext | None, make: Callable[[], Spoken], found: list[Place]) -> Spoken:
    """Connect to the first of places that takes us."""
    loop, failed = asyncio.get_running_loop(), OSError("no address")
    name = None if context is None else to.host
    for *_, place in found:
        try:
            _, spoken = await loop.create_connection(make, place[0], place[1], ssl=context, server_hostname=name)
        except OSError as error:
            failed = error
        else:
            return spoken
    raise failed


async def _tunnelled(to: Target, host: str, context: SSLContext, make: Callable[[], Spoken], proxy: str) -> Spoken:
    """Connect through a proxy, which sees what is encrypted."""
    loop, parts, spoken = asyncio.get_running_loop(), urlsplit(proxy), make()
    plain, tunnel = await loop.create_connection(_Tunnel, parts.hostname or "", parts.port or 0)
    try:
        at = f"[{host}]:{to.port}" if ":" in host else f"{host}:{to.port}"
        plain.write(
            f"CONNECT {at} HTTP/1.1\r\nHost: {at}\r\n{_credentials(parts.username, parts.password)}\r\n".encode()
        )
        await tunnel.through
        transport = await loop.start_tls(plain, spoken, context, server_hostname=to.host)
    except BaseException:
        plain.abort()
        raise
    assert transport is not None
    spoken.connection_made(transport)
    return spoken


class _Tunnel(asyncio.Protocol):
    """Reads what a proxy says to CONNECT, and no more: then the other side waits for us to begin with TLS."""

    def __init__(self) -> None:
        self._head = b""
        self.through: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        """Wait for the whole head."""
        self._head += data
        if not self.through.done() and (_END in self._head or len(self._head) > _LONGEST):
            self._decide(is_through=_ESTABLISHED in self._head.partition(b"\r\n")[0])

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's own signature
        """Leave nobody waiting."""
        if not self.through.done():
            self._decide(is_through=False)

    def _decide(self, *, is_through: bool) -> None:
        if is_through:
            self.through.set_result(None)
        else:
            self.through.set_exception(Unreachable("the proxy lets nobody through"))


def _credentials(user: str | None, password: str | None) -> str:
    if user is None:
        return ""
    said = b64encode(f"{unquote(user)}:{unquote(password or '')}".encode()).decode()
    return f"Proxy-Authorization: Basic {said}\r\n"
