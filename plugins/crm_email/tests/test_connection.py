"""Replies are read whole, in bounded time, and nothing that was said in the clear is believed under TLS."""

from __future__ import annotations

import select
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
        (b"250 queued\r\r\n", 250, b"queued"),
        (b"250-one\rmore\r\n250 two\r\n", 250, b"one\rmore\ntwo"),
    ],
)
def test_a_reply_has_one_line_or_several(said, code, text):
    assert asked(said) == [(code, text)]


def test_two_replies_that_come_together_are_two():
    assert asked(b"250 one\r\n421 bye\r\n", b"", count=2) == [(250, b"one"), (421, b"bye")]


def test_a_connection_is_in_step_while_the_server_says_what_it_is_asked():
    with Talking(b"220 hi\r\n", b"250 hi\r\n", b"250 one\r\n", b"250 two\r\n", b"") as server:
        connection = connected(server)
        assert [(connection.docmd("NOOP"), connection.is_out_of_step()) for _ in range(2)] == [
            ((250, b"one"), False),
            ((250, b"two"), False),
        ]
        connection.close()


@pytest.mark.parametrize("more", [b"250 two\r\n", b"2", b"\r\n"])
def test_it_is_out_of_step_where_more_has_come_with_a_reply(more):
    with Talking(b"220 hi\r\n", b"250 hi\r\n", b"250 one\r\n" + more, b"") as server:
        connection = connected(server)
        connection.docmd("NOOP")
        assert connection.is_out_of_step()
        connection.close()


def test_it_is_out_of_step_where_the_server_has_hung_up():
    with Talking(b"220 hi\r\n", b"250 hi\r\n", b"") as server:
        connection = connected(server)
        server.hang_up()
        assert select.select([connection.sock], [], [], 5)[0]
        assert connection.is_out_of_step()
        connection.close()


def test_it_is_out_of_step_where_the_server_says_something_of_its_own_accord():
    with Talking(b"220 hi\r\n", b"250 hi\r\n", b"421 idle for too long\r\n", b"") as server:
        connection = connected(server)
        connection.putcmd("NOOP")
        assert select.select([connection.sock], [], [], 5)[0]
        assert connection.is_out_of_step()
        connection.close()


def test_it_stays_in_step_and_keeps_its_time_limit_where_tls_says_something_for_itself():
    with Talking(b"220 hi\r\n", b"250 hi\r\n", b"") as server:
        connection = connected(server)
        usual, limits = connection.sock, [5.0]
        connection.sock = types.SimpleNamespace(settimeout=limits.append, recv=lambda _: tickets())
        assert not connection.is_out_of_step()
        assert limits == [5, 0, 5]
        connection.sock = usual
        connection.close()


def tickets():
    raise ssl.SSLWantReadError


def test_a_server_that_greets_with_more_than_it_is_asked_is_not_spoken_to():
    greeting = b"250 hi\r\n421 too many of you\r\n"
    with Talking(b"220 hi\r\n", greeting, b"") as server, pytest.raises(smtplib.SMTPServerDisconnected):
        connected(server)


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
