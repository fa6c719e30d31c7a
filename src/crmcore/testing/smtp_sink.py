"""An SMTP server on loopback that takes mail, remembers it, and fails where it is told to.

It serves tests, benchmarks and the demo; it carries nothing on.
"""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Literal, Self

import attrs

Stage = Literal["connect", "mail", "rcpt", "data", "dot"]
_PATH = re.compile(rb"<([^>]*)>")


@attrs.frozen
class Mail:
    """One mail taken: envelope and bytes, dots unstuffed."""

    sender: str
    recipient: str
    body: bytes


@attrs.frozen
class Reply:
    """What to answer at a stage instead of the usual."""

    code: int
    text: str


class Drop:
    """Close the connection without an answer."""


Script = Callable[[Stage, str], Reply | Drop | None]


def _usual(_stage: Stage, _address: str) -> None:
    return None


class Sink:
    """The server; use it as a context manager. `script` is asked at each stage with the recipient known so far."""

    def __init__(self, script: Script = _usual) -> None:
        self.mails: list[Mail] = []
        self._script = script
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: set[socket.socket] = set()
        self.host, self.port = "127.0.0.1", self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
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
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            _Conversation(connection, self._script, self.mails).run()
        except (OSError, _HungUp):
            pass
        finally:
            self._open.discard(connection)
            connection.close()


class _HungUp(Exception):
    pass


class _Conversation:
    def __init__(self, connection: socket.socket, script: Script, mails: list[Mail]) -> None:
        self._connection, self._script, self._mails = connection, script, mails
        self._buffer = b""
        self._sender = self._recipient = ""

    def run(self) -> None:
        self._answer("connect", b"220 sink ESMTP")
        while True:
            line = self._until(b"\r\n")
            verb = line[:4].upper()
            if verb == b"QUIT":
                self._connection.sendall(b"221 bye\r\n")
                return
            self._verb(verb, line)

    def _verb(self, verb: bytes, line: bytes) -> None:
        if verb == b"EHLO":
            self._connection.sendall(b"250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES\r\n")
        elif verb == b"MAIL":
            self._sender = _path(line)
            self._answer("mail", b"250 ok")
        elif verb == b"RCPT":
            self._recipient = _path(line)
            self._answer("rcpt", b"250 ok")
        elif verb == b"DATA":
            if self._answer("data", b"354 go on"):
                self._body()
        else:
            self._connection.sendall(b"250 ok\r\n")

    def _body(self) -> None:
        body = self._until(b"\r\n.\r\n")
        said = self._script("dot", self._recipient)
        if said is None or (isinstance(said, Reply) and said.code < 400):  # noqa: PLR2004 - SMTP's refusals begin there
            plain = body.replace(b"\r\n..", b"\r\n.") + b"\r\n"
            self._mails.append(Mail(self._sender, self._recipient, plain))
        self._say(said, b"250 taken")

    def _answer(self, stage: Stage, usual: bytes) -> bool:
        said = self._script(stage, self._recipient)
        self._say(said, usual)
        return said is None

    def _say(self, said: Reply | Drop | None, usual: bytes) -> None:
        if isinstance(said, Drop):
            raise _HungUp
        line = usual if said is None else f"{said.code} {said.text}".encode()
        self._connection.sendall(line + b"\r\n")
        if said is not None and said.code == 421:  # noqa: PLR2004 - closing, RFC 5321
            raise _HungUp

    def _until(self, mark: bytes) -> bytes:
        while (end := self._buffer.find(mark)) < 0:
            more = self._connection.recv(65536)
            if not more:
                raise _HungUp
            self._buffer += more
        found, self._buffer = self._buffer[:end], self._buffer[end + len(mark) :]
        return found


def _path(line: bytes) -> str:
    found = _PATH.search(line)
    return found[1].decode() if found else ""


def _close(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        connection.close()
