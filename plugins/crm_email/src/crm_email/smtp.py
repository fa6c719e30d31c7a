"""The provider `smtp`: smtplib's connections, kept open; every message ends in exactly one Result."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from email.utils import parseaddr
from types import TracebackType
from typing import Self

from crm_email.replies import CLOSING, meaning
from crm_email.settings import EmailSettings, SmtpSettings
from crmcore.hooks.provider import Accepted, Carriage, InDoubt, NotStarted, Outgoing, Permanent, Result, Retry
from crmcore.settings import secret

AGAIN = 60.0
GO_ON = 354
OK = 250
Lost = (smtplib.SMTPServerDisconnected, OSError)


class Smtp:
    """Mail to a server that takes it over: an MTA, or a provider's submission port."""

    name = "smtp"
    channel = "email"
    contract = 1
    carriage = Carriage(receipts=frozenset({"accepted", "bounced"}), idempotency="none", batch=100)

    def __init__(self, settings: SmtpSettings, email: EmailSettings) -> None:
        self._settings, self._email = settings, email

    def open(self) -> SmtpSession:
        """Return a session; connections are made when the first mail goes."""
        sender = self._settings.envelope_sender or parseaddr(self._email.sender)[1]
        return SmtpSession(self._settings, sender)


class SmtpSession:
    """One or several connections to one server."""

    def __init__(self, settings: SmtpSettings, sender: str) -> None:
        self._lines = [_Line(settings, sender) for _ in range(settings.connections)]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for line in self._lines:
            line.close()

    def send(self, batch: Sequence[Outgoing]) -> Iterator[Result]:
        """Yield one Result per message, as each is known."""
        if len(self._lines) == 1:
            yield from self._lines[0].send(batch)
            return
        with ThreadPoolExecutor(len(self._lines)) as pool:
            shares = (batch[start :: len(self._lines)] for start in range(len(self._lines)))
            runs = [pool.submit(_all, line, share) for line, share in zip(self._lines, shares, strict=True)]
            for run in as_completed(runs):
                yield from run.result()


class _Line:
    """One connection, made when needed and dropped when in doubt."""

    def __init__(self, settings: SmtpSettings, sender: str) -> None:
        self._settings, self._sender = settings, sender
        self._connection: smtplib.SMTP | None = None

    def send(self, batch: Sequence[Outgoing]) -> Iterator[Result]:
        for index, message in enumerate(batch):
            try:
                connection = self._connected()
            except smtplib.SMTPAuthenticationError as error:
                yield from (_refused(left, error.smtp_code) for left in batch[index:])
                return
            if connection is None:
                yield from (NotStarted(delivery_id=left.delivery_id) for left in batch[index:])
                return
            yield self._carry(connection, message)

    def close(self) -> None:
        """Say goodbye, and hang up."""
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                connection.quit()
            except (smtplib.SMTPException, OSError):
                connection.close()

    def _connected(self) -> smtplib.SMTP | None:
        if self._connection is None:
            try:
                self._connection = _connect(self._settings)
            except smtplib.SMTPAuthenticationError:
                raise
            except (smtplib.SMTPException, OSError):
                return None
        return self._connection

    def _carry(self, connection: smtplib.SMTP, message: Outgoing) -> Result:
        try:
            refused = self._envelope(connection, message)
            if refused is not None:
                return refused
            connection.send(stuffed(message.body))
        except Lost:
            self._drop()
            return Retry(delivery_id=message.delivery_id, after=AGAIN, code="connection lost")
        return self._outcome(connection, message)

    def _envelope(self, connection: smtplib.SMTP, message: Outgoing) -> Result | None:
        steps = (
            ("mail", f"MAIL FROM:<{self._sender}>", OK),
            ("rcpt", f"RCPT TO:<{message.address.value}>", OK),
            ("data", "DATA", GO_ON),
        )
        for stage, command, wanted in steps:
            code, text = connection.docmd(command)
            if code != wanted:
                self._clean(connection, code)
                return meaning(message.delivery_id, code, text, stage)
        return None

    def _outcome(self, connection: smtplib.SMTP, message: Outgoing) -> Result:
        """After the final dot only the server knows; without its word the mail is in doubt (RFC 1047)."""
        try:
            code, text = connection.getreply()
        except Lost:
            self._drop()
            return InDoubt(delivery_id=message.delivery_id, evidence="the connection was lost after the final dot")
        if code == OK:
            return Accepted(delivery_id=message.delivery_id)
        self._clean(connection, code)
        return meaning(message.delivery_id, code, text, "dot")

    def _clean(self, connection: smtplib.SMTP, code: int) -> None:
        """Leave no half-made envelope behind; a server that is closing is left."""
        try:
            if code == CLOSING or connection.rset()[0] != OK:
                self._drop()
        except Lost:
            self._drop()

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _refused(message: Outgoing, code: int) -> Permanent:
    return Permanent(delivery_id=message.delivery_id, fault="sender", code=f"{code}, user or password refused")


def _all(line: _Line, share: Sequence[Outgoing]) -> list[Result]:
    return list(line.send(share))


def stuffed(body: bytes) -> bytes:
    """Return a mail as DATA carries it: dots at the beginning of lines doubled, the final dot added (RFC 5321, 4.5.2)."""
    doubled = body.replace(b"\r\n.", b"\r\n..")
    first = b"." if body.startswith(b".") else b""
    end = b".\r\n" if body.endswith(b"\r\n") else b"\r\n.\r\n"
    return first + doubled + end


def _connect(settings: SmtpSettings) -> smtplib.SMTP:
    connection = _reached(settings)
    try:
        _introduce(connection, settings)
    except BaseException:
        connection.close()
        raise
    return connection


def _introduce(connection: smtplib.SMTP, settings: SmtpSettings) -> None:
    if settings.security == "starttls":
        connection.starttls(context=ssl.create_default_context())
    connection.ehlo_or_helo_if_needed()
    if settings.user:
        connection.login(settings.user, secret(settings.password, "channels.email.smtp.password").reveal())


def _reached(settings: SmtpSettings) -> smtplib.SMTP:
    # A name of our own saves smtplib from asking DNS for one.
    own, host, port, timeout = "localhost", settings.host, settings.port, settings.timeout
    if settings.security == "tls":
        context = ssl.create_default_context()
        return smtplib.SMTP_SSL(host, port, local_hostname=own, timeout=timeout, context=context)
    return smtplib.SMTP(host, port, local_hostname=own, timeout=timeout)
