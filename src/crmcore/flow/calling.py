"""One POST to an address of the host's choosing: where its name leads to is looked at, and that very place is called.

Nothing is sent to private, loopback, link-local, multicast or reserved addresses: whoever may write a campaign shall not
reach what only this machine can (https://cheatsheetseries.owasp.org/cheatsheets/Server_Side_Request_Forgery_Prevention_Cheat_Sheet.html).
Redirects are not followed, proxies of the environment not used.
"""

from __future__ import annotations

import io
import ssl
import time
from collections.abc import Callable, Mapping
from functools import cache
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from queue import Empty, SimpleQueue
from socket import SOCK_STREAM, getaddrinfo, socket
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import attrs

Address = IPv4Address | IPv6Address
#: No more of an answer is read.
LARGEST = 64 * 1024
#: An IPv6 address that stands for an IPv4 one (RFC 6052).
_NAT64 = IPv6Network("64:ff9b::/96")
PORTS = {"http": 80, "https": 443}


class Refused(Exception):
    """Nothing is sent there, now or later; the text says why, and not where."""


@attrs.frozen(kw_only=True)
class Target:
    """Where an address leads: `path` has the query with it."""

    scheme: str
    host: str
    port: int
    path: str


@attrs.frozen(kw_only=True)
class Answer:
    """What was answered: the status, and after how many seconds to come again (0 where that is left open)."""

    status: int
    after: float = 0


def target(url: str) -> Target:
    """Return where a URL leads; raise Refused."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Refused("it is no valid address") from None
    if parts.scheme not in PORTS:
        raise Refused("only http and https are spoken")
    if not parts.hostname or parts.username is not None:
        raise Refused("an address is https://HOST/PATH, without a user or a password")
    path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    if not path.isascii() or not path.isprintable() or " " in path:
        raise Refused("its path has signs that have to be written as %XX")
    return Target(scheme=parts.scheme, host=parts.hostname, port=port or PORTS[parts.scheme], path=path)


def is_public(address: Address) -> bool:
    """Tell whether everybody may be sent to an address."""
    inner = _embedded(address)
    if inner is not None:
        return is_public(inner)
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def is_near(address: Address) -> bool:
    """Tell whether an address is of this machine or of a private network; those of links are not."""
    inner = _embedded(address)
    if inner is not None:
        return is_near(inner)
    barred = address.is_link_local or address.is_multicast or address.is_unspecified or address.is_reserved
    return address.is_loopback or (address.is_private and not barred)


def is_anywhere(address: Address) -> bool:
    """Tell whether an address is public or near."""
    return is_public(address) or is_near(address)


def _embedded(address: Address) -> IPv4Address | None:
    """Return the IPv4 address that an IPv6 one leads to."""
    if isinstance(address, IPv4Address):
        return None
    teredo = address.teredo
    nat64 = IPv4Address(int(address) & 0xFFFFFFFF) if address in _NAT64 else None
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None) or nat64


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
