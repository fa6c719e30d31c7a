"""HTTP/2: a connection to each place, made when first needed and made anew when it has ended."""

from __future__ import annotations

import asyncio
from functools import lru_cache
from ssl import SSLContext

from crmcore.hooks.provider import HttpRequest, HttpResponse
from crmcore.http.addresses import Target
from crmcore.http.connecting import Origin, ended, reached
from crmcore.http.line import Header, Line
from crmcore.http.ways import Ways
from crmcore.http.wire import authority, place

#: What HTTP/2 has no place for (RFC 9113, 8.2.2).
_ONLY_ONE = frozenset({"connection", "host", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"})


class Two:
    """Connections of HTTP/2."""

    def __init__(self, ways: Ways) -> None:
        self._ways = ways
        self._lines: dict[Origin, asyncio.Task[Line]] = {}
        self._left: list[Line] = []
        self._context: SSLContext | None = None

    async def fetch(self, request: HttpRequest) -> HttpResponse:
        """Return the answer to a request."""
        to = place(request.url)
        line = await self._line(to, is_guarded=request.is_guarded)
        return await line.fetch(_headers(request, to), request.body, self._ways.timeout)

    async def close(self) -> None:
        """Close all connections."""
        lines = [*self._left]
        for task in self._lines.values():
            task.cancel()
            lines += [task.result()] if _is_there(task) else []
        await asyncio.gather(*self._lines.values(), return_exceptions=True)
        for line in lines:
            line.close()
        await ended(lines)
        self._lines.clear()
        self._left.clear()

    async def _line(self, to: Target, *, is_guarded: bool) -> Line:
        """Return a connection; many who want one at the same time wait for the same one."""
        origin = (to.scheme, to.host, to.port, is_guarded)
        task = self._lines.get(origin)
        if task is None or (task.done() and not (_is_there(task) and task.result().is_usable)):
            if task is not None and _is_there(task):
                self._leave(task.result())
            task = asyncio.get_running_loop().create_task(self._connected(to, is_guarded=is_guarded))
            self._lines[origin] = task
        # One who has had enough takes the connection from nobody else.
        return await asyncio.shield(task)

    def _leave(self, line: Line) -> None:
        """Begin nothing more on a connection; what is under way there goes on to its end."""
        self._left = [one for one in self._left if not one.closed.done()]
        self._left.append(line)
        line.leave()

    async def _connected(self, to: Target, *, is_guarded: bool) -> Line:
        context = self._tls() if to.scheme == "https" else None
        return await reached(to, self._ways, context, Line, is_guarded=is_guarded)

    def _tls(self) -> SSLContext:
        if self._context is None:
            self._context = self._ways.context("h2")
        return self._context


def _is_there(task: asyncio.Task[Line]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is None


def _headers(request: HttpRequest, to: Target) -> list[Header]:
    """Return the headers of a request; those of HTTP/1.1 alone are left out."""
    made = [(b":method", request.method.encode()), *_place(to.scheme, to.host, to.port), (b":path", to.path.encode())]
    names = [(name.lower(), value) for name, value in request.headers.items()]
    made += [(_encoded(name), value.encode()) for name, value in names if name not in _ONLY_ONE]
    if not any(name == "user-agent" for name, _ in names):
        made.append((b"user-agent", b"crmcore"))
    if request.body and not any(name == "content-length" for name, _ in names):
        made.append((b"content-length", str(len(request.body)).encode()))
    return made


@lru_cache(maxsize=64)
def _place(scheme: str, host: str, port: int) -> tuple[Header, Header]:
    return (b":scheme", scheme.encode()), (b":authority", authority(scheme, host, port).encode())


@lru_cache(maxsize=64)
def _encoded(name: str) -> bytes:
    return name.encode()
