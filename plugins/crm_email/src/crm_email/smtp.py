"""The provider `smtp`: connections kept open, and every message ends in exactly one Result."""

from __future__ import annotations

import logging
import smtplib
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from email.utils import parseaddr
from queue import SimpleQueue
from types import TracebackType
from typing import Self

from crm_email.address import normal
from crm_email.connection import Connection, connect
from crm_email.replies import CLOSING, FAILURE, FOR_EVER, meaning
from crm_email.settings import EmailSettings, SmtpSettings
from crmcore.errors import InvalidIdentity, SettingsError
from crmcore.hooks.provider import Accepted, Carriage, InDoubt, NotStarted, Outgoing, Permanent, Result, Retry
from crmcore.hooks.setup import Secret
from crmcore.model.identity import Identity
from crmcore.settings import secret

AGAIN = 60.0
GO_ON = 3
OK = 2
#: The steps before a mail itself, and which reply to each goes on.
STEPS = (("mail", OK), ("rcpt", OK), ("data", GO_ON))
#: A server that has failed so often in a row is left alone for this batch.
ENOUGH = 2
Lost = (smtplib.SMTPException, OSError)
log = logging.getLogger("crmcore.email")


class Smtp:
    """Mail to a server that takes it over: an MTA, or a provider's submission port."""

    name = "smtp"
    channel = "email"
    contract = 1
    carriage = Carriage(receipts=frozenset({"accepted", "bounced"}), idempotency="none", batch=100)

    def __init__(self, settings: SmtpSettings, email: EmailSettings) -> None:
        self._settings, self._email = settings, email

    def open(self) -> SmtpSession:
        """Return a session; connections are made when the first mail goes. Raise SettingsError without a password or sender."""
        settings = self._settings
        password = secret(settings.password, "channels.email.smtp.password") if settings.user else None
        return SmtpSession(settings, self._envelope_sender(), password)

    def _envelope_sender(self) -> str:
        key = "envelope_sender" if self._settings.envelope_sender else "sender"
        sender = self._settings.envelope_sender or parseaddr(self._email.sender)[1]
        try:
            return normal(Identity("email", sender)).value if sender else ""
        except InvalidIdentity as error:
            raise SettingsError(key=key, place="[channels.email]", problem=str(error.fields["problem"])) from error


class SmtpSession:
    """One or several connections to one server."""

    def __init__(self, settings: SmtpSettings, sender: str, password: Secret | None) -> None:
        self._lines = [_Line(settings, sender, password) for _ in range(settings.connections)]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for line in self._lines:
            line.close()

    def send(self, batch: Sequence[Outgoing]) -> Iterator[Result]:
        """Yield one Result per message, as each is known."""
        left = deque(batch)
        yield from self._lines[0].send(left) if len(self._lines) == 1 else _side_by_side(self._lines, left)
        refused = next((line.login_refused for line in self._lines if line.login_refused), "")
        yield from (_unsent(one, refused) for one in left)


class _Line:
    """One connection, made when needed and dropped when in doubt; `login_refused` is the reply to its user, if any."""

    def __init__(self, settings: SmtpSettings, sender: str, password: Secret | None) -> None:
        self._settings, self._sender, self._password = settings, sender, password
        self._connection: Connection | None = None
        self.login_refused = ""

    def send(self, left: deque[Outgoing]) -> Iterator[Result]:
        """Carry what is left, one by one, until nothing is or the server is out of reach."""
        failed = 0
        while failed < ENOUGH and (message := _next(left)) is not None:
            fit = _made_fit(message)
            if not isinstance(fit, str):
                yield fit
                continue
            connection = self._connected()
            if connection is None:
                left.appendleft(message)
                return
            result = self._carry(connection, message, fit)
            failed = 0 if self._connection is not None else failed + 1
            yield result

    def close(self) -> None:
        """Say goodbye, and hang up."""
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                connection.quit()
            except Lost:
                connection.close()

    def _connected(self) -> Connection | None:
        if self._connection is not None and self._connection.is_out_of_step():
            self._drop()
        if self._connection is None:
            self.login_refused = ""
            try:
                self._connection = connect(self._settings, self._password)
            except Lost as error:
                host, port, why = self._settings.host, self._settings.port, _reason(error)
                log.warning("no mail goes to %s:%s: %s", host, port, why)
                self.login_refused = why if _is_for_ever(error) else ""
        return self._connection

    def _carry(self, connection: Connection, message: Outgoing, address: str) -> Result:
        try:
            refused = self._envelope(connection, message.delivery_id, address)
            if refused is not None:
                return refused
            if connection.is_out_of_step():
                self._drop()
                return Retry(delivery_id=message.delivery_id, after=AGAIN, code="replies out of step")
            connection.send(stuffed(message.body))
        except Lost:
            self._drop()
            return Retry(delivery_id=message.delivery_id, after=AGAIN, code="connection lost")
        return self._outcome(connection, message)

    def _envelope(self, connection: Connection, delivery_id: int, address: str) -> Result | None:
        """Announce a mail; where the server allows it all at once, which saves two journeys (RFC 2920)."""
        commands = (f"MAIL FROM:<{self._sender}>", f"RCPT TO:<{address}>", "DATA")
        is_pipelined = connection.has_extn("pipelining")
        if is_pipelined:
            connection.send("\r\n".join((*commands, "")))
        for index, (command, (stage, wanted)) in enumerate(zip(commands, STEPS, strict=True), start=1):
            code, text = connection.getreply() if is_pipelined else connection.docmd(command)
            if code // 100 != wanted:
                self._refused(connection, code, len(commands) - index if is_pipelined else 0)
                return meaning(delivery_id, code, text, stage)
        return None

    def _refused(self, connection: Connection, code: int, unheard: int) -> None:
        """Hear what is said to the commands that went along; DATA taken all the same ends with nothing but a dot."""
        try:
            for _ in range(unheard if code != CLOSING else 0):
                if connection.getreply()[0] // 100 == GO_ON:
                    connection.docmd(".")
        except Lost:
            self._drop()
            return
        self._clean(connection, code)

    def _outcome(self, connection: Connection, message: Outgoing) -> Result:
        """After the final dot only the server knows; without its word the mail is in doubt (RFC 1047)."""
        try:
            code, text = connection.getreply()
        except Lost:
            self._drop()
            return InDoubt(delivery_id=message.delivery_id, evidence="the connection was lost after the final dot")
        if code // 100 == OK:
            return Accepted(delivery_id=message.delivery_id)
        self._clean(connection, code)
        if code < FAILURE:
            return InDoubt(delivery_id=message.delivery_id, evidence=f"after the final dot the server said {code}")
        return meaning(message.delivery_id, code, text, "dot")

    def _clean(self, connection: Connection, code: int) -> None:
        """Leave no half-made envelope behind; a server that is closing, or out of step, is left."""
        try:
            if code == CLOSING or code < FAILURE or connection.rset()[0] // 100 != OK:
                self._drop()
        except Lost:
            self._drop()

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _next(left: deque[Outgoing]) -> Outgoing | None:
    try:
        return left.popleft()
    except IndexError:
        return None


def _made_fit(message: Outgoing) -> str | Permanent:
    """Return the address as it goes over the wire, or why this mail cannot go at all (RFC 5321, 2.3.8 and 4.1.2)."""
    try:
        address = normal(message.address).value
    except InvalidIdentity as error:
        problem = str(error.fields["problem"])
        return Permanent(delivery_id=message.delivery_id, fault="address", code="5.1.3", text=problem)
    body = message.body
    if not body.count(b"\r\n") == body.count(b"\n") == body.count(b"\r"):
        problem = "it holds a line break that is no CR LF"
        return Permanent(delivery_id=message.delivery_id, fault="content", code="5.6.0", text=problem)
    return address


def _unsent(message: Outgoing, login_refused: str) -> Result:
    if login_refused:
        return Permanent(delivery_id=message.delivery_id, fault="sender", code=login_refused)
    return NotStarted(delivery_id=message.delivery_id)


def _reason(error: Exception) -> str:
    """Return why there is no connection, without the server's words: it may have repeated the password."""
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return f"{error.smtp_code}, user or password refused"
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{error.smtp_code}"
    if isinstance(error, smtplib.SMTPNotSupportedError):  # smtplib's own words
        return str(error)
    return type(error).__name__


def _is_for_ever(error: Exception) -> bool:
    return isinstance(error, smtplib.SMTPAuthenticationError) and error.smtp_code >= FOR_EVER


def _side_by_side(lines: Sequence[_Line], left: deque[Outgoing]) -> Iterator[Result]:
    """Let each line carry what it can; whoever stops reading lets each end the mail it is at, and none begin another."""
    done: SimpleQueue[Result | None] = SimpleQueue()
    with ThreadPoolExecutor(len(lines)) as pool:
        runs = [pool.submit(_run, line, left, done) for line in lines]
        try:
            for _ in lines:
                while (result := done.get()) is not None:
                    yield result
        except BaseException:
            left.clear()
            raise
    for run in runs:
        run.result()


def _run(line: _Line, left: deque[Outgoing], done: SimpleQueue[Result | None]) -> None:
    try:
        for result in line.send(left):
            done.put(result)
    finally:
        done.put(None)


def stuffed(body: bytes) -> bytes:
    """Return a mail as DATA carries it: dots at the beginning of lines doubled, the final dot added (RFC 5321, 4.5.2)."""
    doubled = body.replace(b"\r\n.", b"\r\n..")
    first = b"." if body.startswith(b".") else b""
    end = b".\r\n" if body.endswith(b"\r\n") else b"\r\n.\r\n"
    return first + doubled + end
