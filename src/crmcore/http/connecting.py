"""Connections: looked up, connected, through a proxy where there is one, and encrypted, within one time limit."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from base64 import b64encode
from collections.abc import Callable, Collection
from ssl import SSLContext
from typing import TypeVar
from urllib.parse import unquote, urlsplit

from crmcore.http.addresses import Target
from crmcore.http.failing import Unreachable, Unsent, Unsound
from crmcore.http.looking_up import Place, anyone, places
from crmcore.http.ways import Ways

_ESTABLISHED, _END, _LONGEST = b" 200", b"\r\n\r\n", 65_536
#: Scheme, host, port, and whether it is guarded: what one request may reach another may not.
Origin = tuple[str, str, int, bool]


class Connection(ABC, asyncio.Protocol):
    """A connection that is spoken on; `ready` is done once it may be used, `closed` once it has ended."""

    ready: asyncio.Future[None]
    closed: asyncio.Future[None]

    @abstractmethod
    def abort(self) -> None:
        """Close without another word."""


Spoken = TypeVar("Spoken", bound=Connection)


async def reached(
    to: Target, ways: Ways, context: SSLContext | None, make: Callable[[], Spoken], *, is_guarded: bool
) -> Spoken:
    """Return a connection within the time limit; raise Refused, Unsound or Unreachable."""
    try:
        async with asyncio.timeout(ways.timeout):
            spoken = await _connected(to, ways, context, make, is_guarded=is_guarded)
            try:
                await asyncio.shield(spoken.ready)
            except BaseException:
                spoken.abort()
                raise
    except Unreachable:
        raise
    except (OSError, Unsent) as error:
        raise Unreachable(type(error).__name__) from None
    return spoken


async def _connected(
    to: Target, ways: Ways, context: SSLContext | None, make: Callable[[], Spoken], *, is_guarded: bool
) -> Spoken:
    if ways.proxy is None:
        return await _direct(to, context, make, await places(to.host, to.port, ways.allowed if is_guarded else anyone))
    if context is None:
        raise Unsound("HTTP/2 goes through a proxy with TLS only")
    host = await pinned(to, ways, is_guarded=is_guarded)
    return await _tunnelled(to, host, context, make, ways.proxy)


async def pinned(to: Target, ways: Ways, *, is_guarded: bool) -> str:
    """Return what a proxy is told. Whoever may not be called it shall not call either: it looks up no guarded name."""
    if not is_guarded:
        return to.host
    try:
        async with asyncio.timeout(ways.timeout):
            return str((await places(to.host, to.port, ways.allowed))[0][4][0])
    except OSError as error:
        raise Unreachable(type(error).__name__) from None


async def ended(connections: Collection[Connection]) -> None:
    """Wait a moment for connections to be closed, and then no longer."""
    if not connections:
        return
    await asyncio.wait([asyncio.ensure_future(asyncio.shield(one.closed)) for one in connections], timeout=0.5)
    for one in connections:
        one.abort()


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
    loop, through, spoken = asyncio.get_running_loop(), proxy_target(proxy), make()
    plain, tunnel = await loop.create_connection(_Tunnel, through.host, through.port)
    try:
        at = f"[{host}]:{to.port}" if ":" in host else f"{host}:{to.port}"
        plain.write(f"CONNECT {at} HTTP/1.1\r\nHost: {at}\r\n{credentials(proxy)}\r\n".encode())
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


def proxy_target(proxy: str) -> Target:
    """Return where a proxy is."""
    parts = urlsplit(proxy)
    return Target(scheme="http", host=parts.hostname or "", port=parts.port or 0, path="/")


def credentials(proxy: str) -> str:
    """Return the header with what a proxy's address says of user and password; empty where it says nothing."""
    parts = urlsplit(proxy)
    if parts.username is None:
        return ""
    said = b64encode(f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()).decode()
    return f"Proxy-Authorization: Basic {said}\r\n"
