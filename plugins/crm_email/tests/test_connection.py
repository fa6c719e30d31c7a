"""Replies are read whole, in bounded time, and nothing that was said in the clear is believed under TLS."""

from __future__ import annotations

import smtplib
import ssl
import types

import pytest

from crm_email.connection import connect
from crm_email.settings import smtp_settings
from crmcore.testing.loopback import Loopback


class Talking(Loopback):
    """Answers each line with the next of some answers, as they are."""

    def __init__(self, *answers):
        super().__init__(self._talk)
        self._answers = answers

    def _talk(self, wire):
        for answer in self._answers:
            wire.say(answer)
            wire.until(b"\r\n")


def connected(server, security="none"):
    settings = smtp_settings({"smtp": {"host": server.host, "port": server.port, "timeout": 5, "security": security}})
    return connect(settings, None)


def asked(*answers, count=1):
    with Talking(b"220 hi\r\n", b"250 hi\r\n", *answers, b"") as server:
        connection = connected(server)
        try:
            return [connection.docmd("NOOP") for _ in range(count)]
        finally:
            connection.close()


@pytest.mark.parametrize(
    ("said", "code", "text"),
    [
        (b"250 ok\r\n", 250, b"ok"),
        (b"250\r\n", 250, b""),
        (b"250 ok\n", 250, b"ok"),
        (b"250-one\r\n250-two\r\n250 three\r\n", 250, b"one\ntwo\nthree"),
        (b"599 odd\r\n", 599, b"odd"),
    ],
)
def test_a_reply_has_one_line_or_several(said, code, text):
    assert asked(said) == [(code, text)]


def test_two_replies_that_come_together_are_two():
    assert asked(b"250 one\r\n421 bye\r\n", b"", count=2) == [(250, b"one"), (421, b"bye")]


@pytest.mark.parametrize(
    "said", [b"hello\r\n", b"\r\n", b"99 x\r\n", b"999 x\r\n", b"100 x\r\n", b"2" * 70_000, b"250-x\r\n" * 10_000]
)
def test_what_is_no_reply_ends_the_connection(said):
    with pytest.raises(smtplib.SMTPServerDisconnected):
        asked(said)


def test_what_was_said_before_tls_began_is_forgotten(monkeypatch):
    clear = types.SimpleNamespace(wrap_socket=lambda sock, server_hostname: sock)
    monkeypatch.setattr(ssl, "create_default_context", lambda: clear)
    injected = b"220 go\r\n250 injected\r\n"
    with Talking(
        b"220 hi\r\n", b"250-hi\r\n250 STARTTLS\r\n", injected, b"250 hi again\r\n", b"250 mine\r\n", b""
    ) as server:
        connection = connected(server, security="starttls")
        assert connection.docmd("NOOP") == (250, b"mine")
        connection.close()
