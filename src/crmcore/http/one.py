"""HTTP/1.1, by aiohttp: a pool of connections, each for one request at a time.

Left out is what carriers do not need and requests pay for: cookies, redirects, headers of aiohttp's own, compression.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from functools import lru_cache
from ipaddress import ip_address
from typing import Any

from aiohttp import (
    ClientError,
    ClientHandlerType,
    ClientRequest,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    InvalidURL,
    StreamReader,
    TCPConnector,
)
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.connector import Connection
from yarl import URL

from crmcore.hooks.provider import HttpRequest, HttpResponse
from crmcore.http.addresses import Refused
from crmcore.http.failing import Silent, Unanswered, Unreachable, Unsound
from crmcore.http.looking_up import PRIVATE, Allowed, anyone, places
from crmcore.http.ways import Ways
from crmcore.http.wire import LARGEST

#: Where a connection breaks, aiohttp repeats what is sent by other methods.
_NEVER_REPEATED = frozenset({"POST", "PATCH"})
_NO_HEADERS = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")


class One:
    """Connections of HTTP/1.1, guarded ones apart: what one request may reach another may not."""

    def __init__(self, ways: Ways) -> None:
        self._ways = ways
        self._clients: dict[bool, ClientSession] = {}

    async def fetch(self, request: HttpRequest) -> HttpResponse:
        """Return the answer to a request."""
        url, headers, more = _url(request.url), request.headers, _NOTHING
        if request.is_guarded:
            url, headers, more = await self._guarded(url, headers)
        middlewares = None if request.method in _NEVER_REPEATED else (_once,)
        client = self._client(is_guarded=request.is_guarded)
        try:
            async with client.request(
                request.method,
                url,
                data=request.body or None,
                headers=headers,
                allow_redirects=False,
                middlewares=middlewares,
                **more,
            ) as response:
                body = await _whole(response.content)
                named = {name.lower(): value for name, value in response.headers.items()}
                return HttpResponse(status=response.status, headers=named, body=body)
        except TimeoutError:
            raise Silent("there was no whole answer in time") from None
        except InvalidURL:
            raise (Refused if request.is_guarded else Unsound)("its URL leads nowhere") from None
        except (ClientError, OSError) as error:
            raise Unanswered(f"the answer was cut off: {type(error).__name__}") from None

    async def close(self) -> None:
        """Close all connections."""
        for one in self._clients.values():
            await one.close()
        self._clients.clear()

    async def _guarded(self, url: URL, headers: Mapping[str, str]) -> tuple[URL, Mapping[str, str], Mapping[str, Any]]:
        """Look at where a URL leads. A proxy would look up a name by itself: it is told the address that was looked at."""
        host, port = url.host or "", url.port or 0
        if self._ways.proxy is None:
            _check_literal(host, self._ways.allowed)
            return url, headers, _NOTHING
        try:
            async with asyncio.timeout(self._ways.timeout):
                found = await places(host, port, self._ways.allowed)
        except OSError as error:
            raise Unreachable(type(error).__name__) from None
        named = {**headers, "Host": url.raw_authority}
        more = {"server_hostname": host} if url.scheme == "https" else _NOTHING
        return url.with_host(str(found[0][4][0])), named, more

    def _client(self, *, is_guarded: bool) -> ClientSession:
        """Return the pool, made when first needed: that has to happen in the loop."""
        if is_guarded not in self._clients:
            is_looked_at = is_guarded and self._ways.proxy is None
            self._clients[is_guarded] = _client(self._ways, self._ways.allowed if is_looked_at else anyone)
        return self._clients[is_guarded]


_NOTHING: Mapping[str, Any] = {}


def _client(ways: Ways, allowed: Allowed) -> ClientSession:
    """A whole exchange may take two limits: connecting has one of its own, and comes first."""
    trusted = ways.context("http/1.1") if ways.trusted is not None else True
    return ClientSession(
        connector=_Pool(limit=0, resolver=_Resolver(allowed), ssl=trusted),
        timeout=ClientTimeout(total=2 * ways.timeout, connect=ways.timeout, ceil_threshold=float("inf")),
        headers={"User-Agent": "crmcore"},
        skip_auto_headers=_NO_HEADERS,
        cookie_jar=DummyCookieJar(),
        auto_decompress=False,
        proxy=ways.proxy,
    )


class _Pool(TCPConnector):
    """Tells what fails before there is a connection from what fails on it."""

    async def connect(
        self,
        req: ClientRequest,
        traces: list[Any],
        timeout: ClientTimeout,  # noqa: ASYNC109 - aiohttp's own signature
    ) -> Connection:
        """Return a connection that is open, as far as anybody can tell."""
        try:
            return await super().connect(req, traces, timeout)
        except InvalidURL:
            raise
        except (ClientError, OSError) as error:
            raise Unreachable(type(error).__name__) from None


class _Resolver(AbstractResolver):
    """Looks names up, and at where they lead; aiohttp connects to what it returns."""

    def __init__(self, allowed: Allowed) -> None:
        self._allowed = allowed

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return where a name leads to."""
        found = await places(host, port, self._allowed, family)
        return [
            ResolveResult(hostname=host, host=str(at[0]), port=port, family=kin, proto=protocol, flags=0)
            for kin, _, protocol, _, at in found
        ]

    async def close(self) -> None:
        """Nothing is held open."""


async def _once(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    """What aiohttp would repeat it sees as an error of another kind."""
    try:
        return await handler(request)
    except (ClientError, OSError) as error:
        if isinstance(error, InvalidURL | TimeoutError):
            raise
        raise Unanswered(f"the answer was cut off: {type(error).__name__}") from None


async def _whole(content: StreamReader) -> bytes:
    """Return all of an answer; most are there at once."""
    found = bytearray(content.read_nowait() if content.is_eof() else b"")
    while not content.at_eof() and len(found) <= LARGEST:
        found += await content.readany()
    if len(found) > LARGEST:
        raise Unanswered(f"the answer has more than {LARGEST:,} bytes")
    return bytes(found)


@lru_cache(maxsize=16)
def _url(text: str) -> URL:
    """Return a URL made ready: most carriers have one for all messages."""
    return URL(text, encoded=True)


def _check_literal(host: str, allowed: Allowed) -> None:
    """Look at an address that is written out: nobody looks it up."""
    try:
        address = ip_address(host)
    except ValueError:
        return
    if not allowed(address):
        raise Refused(PRIVATE)
