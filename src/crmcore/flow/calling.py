"""One POST to an address of the host's choosing: where its name leads to is looked at, and that very place is called.

Redirects are not followed, proxies of the environment not used. Which addresses are refused says crmcore.http.addresses.
"""

from __future__ import annotations

import io
import ssl
import time
from collections.abc import Callable, Mapping
from functools import cache
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from ipaddress import ip_address
from queue import Empty, SimpleQueue
from socket import SOCK_STREAM, getaddrinfo, socket
from threading import Thread
from typing import Any

import attrs

from crmcore.http.addresses import Address, Refused, Target, target

#: No more of an answer is read.
LARGEST = 64 * 1024


@attrs.frozen(kw_only=True)
class Answer:
    """What was answered: the status, and after how many seconds to come again (0 where that is left open)."""

    status: int
    after: float = 0


def post(
    url: str, body: bytes, headers: Mapping[str, str], allowed: Callable[[Address], bool], seconds: float
) -> Answer:
    """Post a body and return the answer. All of it takes so many seconds at most.

    Raise Refused; OSError or HTTPException where there is no answer (TimeoutError where that takes too long).
    """
    to, deadline = target(url), time.monotonic() + seconds
    line = _Line(_connected(to, _places(to, allowed, deadline), deadline), deadline)
    connection = _speaking(to)
    connection.sock = line
    try:
        connection.request("POST", to.path, body, {**headers, "Connection": "close"})
        response = connection.getresponse()
        _read(response)
        return Answer(status=response.status, after=_seconds(response.headers.get("Retry-After", "")))
    finally:
        line.close()


def _speaking(to: Target) -> HTTPConnection:
    """What http.client says first depends on which port is the usual one."""
    if to.scheme == "https":
        return HTTPSConnection(to.host, to.port, context=_context())
    return HTTPConnection(to.host, to.port)


def _read(response: Any) -> None:
    """Let the other side finish; what it has said already counts."""
    try:
        response.read(LARGEST)
    except (OSError, HTTPException):
        return


def _seconds(text: str) -> float:
    return float(text) if text.isascii() and text.isdigit() else 0.0


def _places(to: Target, allowed: Callable[[Address], bool], deadline: float) -> list[tuple[Any, ...]]:
    """Return the places a host's name leads to; raise Refused where one of them is not allowed."""
    places = _looked_up(to, deadline)
    for *_, place in places:
        if not allowed(ip_address(str(place[0]))):
            raise Refused("it leads to a private or reserved address; [webhooks] allow_private = true lets it")
    return places


def _looked_up(to: Target, deadline: float) -> list[tuple[Any, ...]]:
    """Return what the resolver says, as soon as it does: in a thread, since nothing else can be kept from waiting longer."""
    found: SimpleQueue[Any] = SimpleQueue()

    def look() -> None:
        try:
            found.put(getaddrinfo(to.host, to.port, type=SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            found.put(error)

    Thread(target=look, daemon=True).start()
    try:
        answer = found.get(timeout=_left(deadline))
    except Empty:
        raise TimeoutError from None
    if isinstance(answer, UnicodeError):
        raise Refused("its host is no valid name")
    if isinstance(answer, OSError):
        raise answer
    return list(answer)


def _connected(to: Target, places: list[tuple[Any, ...]], deadline: float) -> socket:
    """Return a connection to the first of places that takes one."""
    failed: OSError = OSError("no address")
    for family, kind, protocol, _, place in places:
        plain = socket(family, kind, protocol)
        try:
            plain.settimeout(_left(deadline))
            plain.connect(place)
            return _context().wrap_socket(plain, server_hostname=to.host) if to.scheme == "https" else plain
        except OSError as error:
            plain.close()
            failed = error
    raise failed


@cache
def _context() -> ssl.SSLContext:
    return ssl.create_default_context()


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


class _Line:
    """A connection as http.client uses one; of a time limit a socket knows only that of the next byte."""

    def __init__(self, connection: socket, deadline: float) -> None:
        self._connection, self._deadline = connection, deadline
        self.close = connection.close

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Incoming(self._connection, self._deadline))

    def sendall(self, data: bytes) -> None:
        self._connection.settimeout(_left(self._deadline))
        self._connection.sendall(data)


class _Incoming(io.RawIOBase):
    def __init__(self, connection: socket, deadline: float) -> None:
        self._connection, self._deadline = connection, deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._connection.settimeout(_left(self._deadline))
        return self._connection.recv_into(buffer)
