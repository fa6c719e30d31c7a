"""smtplib's connections, with a time limit for every reply as a whole, however slowly it trickles in."""

from __future__ import annotations

import smtplib
import socket
import ssl
import time
from typing import Any

from crm_email.settings import SmtpSettings
from crmcore.hooks.setup import Secret

#: RFC 5321, 4.2: anything else is no reply.
REPLIES = range(200, 600)
MAX_REPLY = 65_536
UNAUTHORISED = 535
# A name of our own saves smtplib from asking DNS for one.
OWN_NAME = "localhost"


class _InTime:
    """Reads replies; the rest of the conversation is smtplib's.

    A socket's own time limit, and so smtplib's, is for one read: a server that says a byte now and then never reaches it.
    """

    sock: Any
    timeout: float
    _held = b""

    def begin_tls(self) -> None:
        """Encrypt from here on; what was said before in the clear, by whoever, is no part of what follows."""
        self.starttls(context=ssl.create_default_context())  # type: ignore[attr-defined]  # smtplib's, beside this class
        self._held = b""

    def getreply(self) -> tuple[int, bytes]:
        """Return code and text of the next reply; raise SMTPServerDisconnected, also where it takes too long or is none."""
        try:
            # Not splitlines: a CR by itself ends no line (RFC 5321, 2.3.8).
            lines = self._reply().removesuffix(b"\n").split(b"\n")
            code = _checked(int(lines[-1][:3]))
        except (OSError, ValueError) as error:
            self.close()  # type: ignore[attr-defined]  # the same
            raise smtplib.SMTPServerDisconnected(f"no reply: {error}") from error
        return code, b"\n".join(line[4:].strip() for line in lines)

    def is_out_of_step(self) -> bool:
        """Tell whether the server has said what nobody asked for, or has hung up: the next reply would be no answer."""
        return bool(self._held) or self._hears()

    def _hears(self) -> bool:
        """What TLS says for itself, such as new keys and tickets, is nothing that the server has said."""
        self.sock.settimeout(0)
        try:
            self.sock.recv(1)
        except (BlockingIOError, ssl.SSLWantReadError):
            self.sock.settimeout(self.timeout)
            return False
        except OSError:
            return True
        return True

    def _reply(self) -> bytes:
        until, is_shortened = 0.0, False
        while not (end := _end_of_reply(self._held)):
            if until:
                self.sock.settimeout(_left(until))
                is_shortened = True
            until = until or time.monotonic() + self.timeout
            self._held += _some(self.sock)
            if len(self._held) > MAX_REPLY:
                raise ValueError(self._held[:3])
        if is_shortened:
            self.sock.settimeout(self.timeout)
        reply, self._held = self._held[:end], self._held[end:]
        return reply


def _end_of_reply(said: bytes) -> int:
    """Return where the first reply ends, 0 while it does not: with a line that has no hyphen after its code."""
    start = 0
    while end := said.find(b"\n", start) + 1:
        if said[start + 3 : start + 4] != b"-":
            return end
        start = end
    return 0


def _checked(code: int) -> int:
    if code not in REPLIES:
        raise ValueError(code)
    return code


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _some(source: socket.socket) -> bytes:
    some = source.recv(8192)
    if not some:
        raise ConnectionResetError
    return some


class _Plain(_InTime, smtplib.SMTP):
    """Begins without TLS."""


class _Tls(_InTime, smtplib.SMTP_SSL):
    """Begins with TLS."""


Connection = _Plain | _Tls


def connect(settings: SmtpSettings, password: Secret | None) -> Connection:
    """Return a connection on which mail can go; raise SMTPException or OSError."""
    connection = _reached(settings)
    try:
        _introduce(connection, settings, password)
    except BaseException:
        connection.close()
        raise
    return connection


def _introduce(connection: Connection, settings: SmtpSettings, password: Secret | None) -> None:
    if settings.security == "starttls":
        connection.begin_tls()
    connection.ehlo_or_helo_if_needed()
    if settings.user and password is not None:
        _log_in(connection, settings.user, password)
    if connection.is_out_of_step():
        raise smtplib.SMTPServerDisconnected("it says more than it was asked")


def _log_in(connection: smtplib.SMTP, user: str, password: Secret) -> None:
    try:
        connection.login(user, password.reveal())
    except UnicodeError:
        # smtplib speaks ASCII here; its error would show what it could not say.
        raise smtplib.SMTPAuthenticationError(UNAUTHORISED, b"the user or password is not ASCII") from None


def _reached(settings: SmtpSettings) -> Connection:
    host, port, timeout = settings.host, settings.port, settings.timeout
    if settings.security == "tls":
        context = ssl.create_default_context()
        return _Tls(host, port, local_hostname=OWN_NAME, timeout=timeout, context=context)
    return _Plain(host, port, local_hostname=OWN_NAME, timeout=timeout)
