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
_ESTABLISHED = b" 200"


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
    parts, spoken = urlsplit(proxy), make()
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        at = f"[{host}]:{to.port}" if ":" in host else f"{host}:{to.port}"
        writer.write(
            f"CONNECT {at} HTTP/1.1\r\nHost: {at}\r\n{_credentials(parts.username, parts.password)}\r\n".encode()
        )
        _check_tunnel(await reader.readuntil(b"\r\n\r\n"))
        made = asyncio.get_running_loop().start_tls(writer.transport, spoken, context, server_hostname=to.host)
        transport = await made
    except BaseException as error:
        writer.transport.abort()
        if isinstance(error, asyncio.IncompleteReadError | asyncio.LimitOverrunError):
            raise Unreachable("the proxy has no answer") from None
        raise
    assert transport is not None
    spoken.connection_made(transport)
    return spoken


def _check_tunnel(head: bytes) -> None:
    if _ESTABLISHED not in head.partition(b"\r\n")[0]:
        raise Unreachable("the proxy lets nobody through")


def _credentials(user: str | None, password: str | None) -> str:
    if user is None:
        return ""
    said = b64encode(f"{unquote(user)}:{unquote(password or '')}".encode()).decode()
    return f"Proxy-Authorization: Basic {said}\r\n"
