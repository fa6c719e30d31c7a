"""A server on loopback, a thread a connection, and the ways in which it can be told to fail."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import NoReturn, Self

import attrs


@attrs.frozen
class Drop:
    """Close the connection without an answer."""


@attrs.frozen
class Slow:
    """Answer as usual, but so many seconds late."""

    seconds: float


@attrs.frozen
class Cut:
    """Close the connection once so many bytes of what comes next have passed."""

    after: int


@attrs.frozen
class Silence:
    """Answer no more; with `drip`, begin an answer that never ends, a byte every so many seconds."""

    drip: float | None = None


class HungUp(Exception):
    """One side has closed the connection."""


class Wire:
    """One connection: what comes in, read by marks or counts, and what goes out."""

    def __init__(self, connection: socket.socket, closing: threading.Event) -> None:
        self._connection, self._closing = connection, closing
        self._buffer = b""

    def until(self, mark: bytes) -> bytes:
        """Return what comes before a mark, and take both; raise HungUp."""
        while (end := self._buffer.find(mark)) < 0:
            self._read()
        return self._take(end, len(mark))

    def exactly(self, count: int) -> bytes:
        """Return so many bytes; raise HungUp."""
        while len(self._buffer) < count:
            self._read()
        return self._take(count, 0)

    def say(self, data: bytes) -> None:
        """Send bytes."""
        self._connection.sendall(data)

    def wait(self, seconds: float) -> None:
        """Do nothing for a while; raise HungUp where the server is closed meanwhile."""
        if self._closing.wait(seconds):
            raise HungUp

    def stall(self, silence: Silence) -> NoReturn:
        """Say nothing that ends, until the other side has had enough; raise HungUp then."""
        self._connection.settimeout(silence.drip)
        while True:
            try:
                self._read()
            except TimeoutError:
                self._connection.sendall(b"2")

    def _read(self) -> None:
        more = self._connection.recv(65536)
        if not more:
            raise HungUp
        self._buffer += more

    def _take(self, end: int, more: int) -> bytes:
        found, self._buffer = self._buffer[:end], self._buffer[end + more :]
        return found


class Loopback:
    """The server; use it as a context manager. `serve` holds one conversation, in a thread of its own."""

    def __init__(self, serve: Callable[[Wire], None]) -> None:
        self._serve = serve
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._open: set[socket.socket] = set()
        self._closing = threading.Event()
        self.host, self.port = "127.0.0.1", int(self._listener.getsockname()[1])

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._open)

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Listen no more, and end what is open; closed already, do nothing."""
        if self._closing.is_set():
            return
        self._closing.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.hang_up()

    def hang_up(self) -> None:
        """Close all connections that are open now."""
        for connection in list(self._open):
            _close(connection)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._open.add(connection)
            threading.Thread(target=self._converse, args=(connection,), daemon=True).start()

    def _converse(self, connection: socket.socket) -> None:
        try:
            self._serve(Wire(connection, self._closing))
        except (OSError, HungUp):
            pass
        finally:
            self._open.discard(connection)
            connection.close()


def _close(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        connection.close()
