"""An SMTP server on loopback that takes mail, remembers it, and fails where it is told to.

It serves tests, benchmarks and the demo; it carries nothing on.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal, Protocol

import attrs

from crmcore.testing.loopback import Cut, Drop, HungUp, Loopback, Silence, Slow, Wire

__all__ = ["STAGES", "Cut", "Drop", "Mail", "Mails", "Reply", "Script", "Silence", "Sink", "Slow", "Stage"]

#: The steps of a conversation: at `dot` a mail has come whole and is not taken yet, at `taken` it is and nothing is said.
Stage = Literal["connect", "ehlo", "auth", "mail", "rcpt", "data", "dot", "taken", "quit"]
STAGES: tuple[Stage, ...] = ("connect", "ehlo", "auth", "mail", "rcpt", "data", "dot", "taken", "quit")
_PATH = re.compile(rb"<([^>]*)>")
_REFUSAL, _CLOSING = 400, 421


@attrs.frozen
class Mail:
    """One mail taken: envelope and bytes, dots unstuffed."""

    sender: str
    recipient: str
    body: bytes


@attrs.frozen
class Reply:
    """What to answer at a stage instead of the usual; 421 closes the connection (RFC 5321)."""

    code: int
    text: str


class Mails(Protocol):
    """Where mails go: a list, or a Log that outlives the process."""

    def append(self, mail: Mail, /) -> None:
        """Keep one more."""


Said = Reply | Drop | Slow | Cut | Silence | None
#: What to do at a stage, given the recipient known so far; Cut at `data` counts the bytes of the mail.
Script = Callable[[Stage, str], Said]


def _usual(_stage: Stage, _address: str) -> None:
    return None


class Sink(Loopback):
    """The server; use it as a context manager. `mails` are those taken; `also` keeps them a second time."""

    def __init__(self, script: Script = _usual, also: Mails | None = None) -> None:
        super().__init__(self._converse_on)
        self.mails: list[Mail] = []
        self._script, self._also = script, also

    def _converse_on(self, wire: Wire) -> None:
        _Conversation(wire, self._script, self._keep).run()

    def _keep(self, mail: Mail) -> None:
        if self._also is not None:
            self._also.append(mail)
        self.mails.append(mail)


class _Conversation:
    """As strict as RFC 5321 about the order of commands: who leaves a half-made envelope behind is told so."""

    def __init__(self, wire: Wire, script: Script, keep: Callable[[Mail], None]) -> None:
        self._wire, self._script, self._keep = wire, script, keep
        self._sender: str | None = None
        self._recipients: list[str] = []

    def run(self) -> None:
        self._answer("connect", b"220 sink ESMTP")
        while True:
            line = self._wire.until(b"\r\n")
            verb = line[:4].upper()
            self._verb(verb, line)
            if verb == b"QUIT":
                return

    def _verb(self, verb: bytes, line: bytes) -> None:
        if verb in (b"EHLO", b"RSET"):
            self._begin_anew()
        if verb == b"EHLO":
            self._answer(
                "ehlo", b"250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-AUTH PLAIN\r\n250 ENHANCEDSTATUSCODES"
            )
        elif verb == b"AUTH":
            self._answer("auth", b"235 welcome")
        elif verb in (b"MAIL", b"RCPT", b"DATA"):
            self._transact(verb, line)
        elif verb == b"QUIT":
            self._answer("quit", b"221 bye")
        else:
            self._wire.say(b"250 ok\r\n")

    def _transact(self, verb: bytes, line: bytes) -> None:
        wanted = {b"MAIL": self._sender is None, b"RCPT": self._sender is not None, b"DATA": bool(self._recipients)}
        if not wanted[verb]:
            self._wire.say(b"503 5.5.1 not now\r\n")
        elif verb == b"DATA":
            self._data()
        elif verb == b"MAIL" and self._answer("mail", b"250 ok"):
            self._sender = _path(line)
        elif verb == b"RCPT" and self._answer("rcpt", b"250 ok", _path(line)):
            self._recipients.append(_path(line))

    def _data(self) -> None:
        said = self._script("data", self._recipients[-1])
        self._say(said, b"354 go on")
        if isinstance(said, Cut):
            self._wire.exactly(said.after)
            raise HungUp
        if not isinstance(said, Reply):
            self._body()

    def _body(self) -> None:
        body = self._wire.until(b"\r\n.\r\n")
        address = self._recipients[-1]
        said = self._script("dot", address)
        if isinstance(said, Drop | Silence) or (isinstance(said, Reply) and said.code >= _REFUSAL):
            self._begin_anew()
            self._say(said, b"")
            return
        for recipient in self._recipients:
            self._keep(Mail(self._sender or "", recipient, _unstuffed(body)))
        self._begin_anew()
        self._say(self._script("taken", address) or said, b"250 taken")

    def _begin_anew(self) -> None:
        self._sender = None
        self._recipients = []

    def _answer(self, stage: Stage, usual: bytes, address: str = "") -> bool:
        said = self._script(stage, address)
        self._say(said, usual)
        return not isinstance(said, Reply) or said.code < _REFUSAL

    def _say(self, said: Said, usual: bytes) -> None:
        if isinstance(said, Drop):
            raise HungUp
        if isinstance(said, Silence):
            self._wire.stall(said)
        if isinstance(said, Slow):
            self._wire.wait(said.seconds)
        line = f"{said.code} {said.text}".encode() if isinstance(said, Reply) else usual
        self._wire.say(line + b"\r\n")
        if isinstance(said, Reply) and said.code == _CLOSING:
            raise HungUp


def _unstuffed(body: bytes) -> bytes:
    return (b"\r\n" + body).replace(b"\r\n..", b"\r\n.")[2:] + b"\r\n"


def _path(line: bytes) -> str:
    found = _PATH.search(line)
    return found[1].decode("utf-8", "replace") if found else ""
