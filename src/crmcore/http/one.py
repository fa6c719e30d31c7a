"""HTTP/1.1: a pool of connections to each place, each for one request at a time."""

from __future__ import annotations

from ssl import SSLContext

import attrs

from crmcore.hooks.provider import HttpRequest, HttpResponse
from crmcore.http.addresses import Target
from crmcore.http.connecting import Origin, credentials, ended, pinned, proxy_target, reached
from crmcore.http.pipe import Pipe
from crmcore.http.ways import Ways
from crmcore.http.wire import authority, place

#: What the driver says itself.
_OURS = frozenset({"connection", "content-length", "host", "transfer-encoding"})
_WITHOUT_BODY = frozenset({"GET", "HEAD", "DELETE", "OPTIONS"})


class One:
    """Connections of HTTP/1.1, guarded ones apart: what one request may reach another may not."""

    def __init__(self, ways: Ways) -> None:
        self._ways = ways
        self._kept: dict[Origin, list[Pipe]] = {}
        self._open: set[Pipe] = set()
        self._context: SSLContext | None = None

    async def fetch(self, request: HttpRequest) -> HttpResponse:
        """Return the answer to a request."""
        to = place(request.url)
        kept = self._kept.setdefault((to.scheme, to.host, to.port, request.is_guarded), [])
        pipe = self._taken(kept) or await self._connected(to, is_guarded=request.is_guarded)
        try:
            head = _head(request, to, await self._start(request, to))
            answer = await pipe.fetch(head + request.body, self._ways.timeout, has_body=request.method != "HEAD")
        except BaseException:
            pipe.abort()
            raise
        if pipe.is_usable:
            kept.append(pipe)
        else:
            pipe.close()
        return answer

    async def close(self) -> None:
        """Close all connections."""
        for one in self._open:
            one.close()
        await ended(self._open)
        self._open.clear()
        self._kept.clear()

    def _taken(self, kept: list[Pipe]) -> Pipe | None:
        """Return a connection that was kept: the one used last, which is the likeliest to be there still."""
        while kept:
            pipe = kept.pop()
            if pipe.is_usable:
                return pipe
            pipe.close()
        return None

    async def _connected(self, to: Target, *, is_guarded: bool) -> Pipe:
        self._open = {one for one in self._open if not one.closed.done()}
        if to.scheme == "http" and self._ways.proxy is not None:
            direct = attrs.evolve(self._ways, proxy=None)
            pipe = await reached(proxy_target(self._ways.proxy), direct, None, Pipe, is_guarded=False)
        else:
            pipe = await reached(to, self._ways, self._tls(to), Pipe, is_guarded=is_guarded)
        self._open.add(pipe)
        return pipe

    def _tls(self, to: Target) -> SSLContext | None:
        if to.scheme == "https" and self._context is None:
            self._context = self._ways.context("http/1.1")
        return self._context if to.scheme == "https" else None

    async def _start(self, request: HttpRequest, to: Target) -> str:
        """Return the start of a request: a proxy that only passes on is told the whole URL, and who asks."""
        proxy = self._ways.proxy
        if proxy is None or to.scheme == "https":
            return f"{request.method} {to.path} HTTP/1.1\r\n"
        host = await pinned(to, self._ways, is_guarded=request.is_guarded)
        return (
            f"{request.method} http://{authority(to.scheme, host, to.port)}{to.path} HTTP/1.1\r\n{credentials(proxy)}"
        )


def _head(request: HttpRequest, to: Target, start: str) -> bytes:
    lines = [start, "Host: ", authority(to.scheme, to.host, to.port), "\r\n"]
    names = set()
    for name, value in request.headers.items():
        if (lower := name.lower()) not in _OURS:
            names.add(lower)
            lines += (name, ": ", value, "\r\n")
    if "user-agent" not in names:
        lines.append("User-Agent: crmcore\r\n")
    if request.body or request.method not in _WITHOUT_BODY:
        lines.append(f"Content-Length: {len(request.body)}\r\n")
    lines.append("\r\n")
    return "".join(lines).encode("ascii")
