"""Whatever the server does, every message ends in exactly one result."""

from __future__ import annotations

import smtplib

import pytest

from crm_email.file import Files
from crm_email.settings import email_settings, file_settings, smtp_settings
from crm_email.smtp import Smtp, stuffed
from crmcore.errors import SettingsError
from crmcore.hooks.provider import Accepted, InDoubt, NotStarted, Outgoing, Permanent, Retry, Suppress
from crmcore.model.identity import Identity
from crmcore.model.purpose import MessageClass
from crmcore.testing.smtp_sink import Drop, Reply, Sink

BODY = b"Subject: x\r\n\r\n.dot\r\n..dots\r\nend\r\n"


def outgoing(number, body=BODY):
    return Outgoing(
        delivery_id=number,
        address=Identity("email", f"{number}@example.com"),
        body=body,
        message_key=f"k{number}",
        message_class=MessageClass.MARKETING,
    )


def carry(sink, count=3, **smtp):
    section = {"smtp": {"host": sink.host, "port": sink.port, "timeout": 5, **smtp}}
    provider = Smtp(smtp_settings(section), email_settings({"sender": "shop@example.com"}))
    with provider.open() as session:
        return {one.delivery_id: one for one in session.send([outgoing(number) for number in range(count)])}


@pytest.mark.parametrize("connections", [1, 3])
def test_mails_arrive_byte_for_byte(connections):
    with Sink() as sink:
        results = carry(sink, 10, connections=connections)
    assert {type(one) for one in results.values()} == {Accepted}
    assert sorted(one.recipient for one in sink.mails) == sorted(f"{n}@example.com" for n in range(10))
    assert {(one.sender, one.body) for one in sink.mails} == {("shop@example.com", BODY)}


SECOND = "1@example.com"


@pytest.mark.parametrize(
    ("stage", "reply", "kind", "what"),
    [
        ("rcpt", Reply(550, "5.1.1 no such user"), Suppress, "bounce"),
        ("rcpt", Reply(550, "no such user"), Suppress, "bounce"),
        ("rcpt", Reply(550, "5.7.1 not allowed"), Permanent, "policy"),
        ("rcpt", Reply(552, "5.2.2 mailbox full"), Retry, None),
        ("rcpt", Reply(450, "4.2.0 greylisted"), Retry, None),
        ("rcpt", Reply(421, "4.7.0 too many"), Retry, None),
        ("data", Reply(554, "5.5.1 no"), Permanent, "content"),
        ("dot", Reply(554, "5.6.0 bad content"), Permanent, "content"),
        ("dot", Reply(451, "4.3.0 later"), Retry, None),
        ("rcpt", Drop(), Retry, None),
        ("data", Drop(), Retry, None),
        ("dot", Drop(), InDoubt, None),
    ],
)
def test_one_refused_mail_never_holds_up_the_others(stage, reply, kind, what):
    with Sink(lambda at, address: reply if (at, address) == (stage, SECOND) else None) as sink:
        results = carry(sink)
    assert (type(results[0]), type(results[1]), type(results[2])) == (Accepted, kind, Accepted)
    assert what in (None, getattr(results[1], "reason", None), getattr(results[1], "fault", None))
    assert [one.recipient for one in sink.mails] == ["0@example.com", "2@example.com"]


def test_a_refused_sender_is_no_fault_of_the_recipient():
    with Sink(lambda at, _: Reply(553, "5.1.8 bad sender") if at == "mail" else None) as sink:
        results = carry(sink)
    assert {getattr(one, "fault", None) for one in results.values()} == {"sender"}


@pytest.mark.parametrize("greeting", [Drop(), Reply(554, "go away")])
def test_a_server_out_of_reach_leaves_every_mail_unstarted(greeting):
    with Sink(lambda at, _: greeting if at == "connect" else None) as sink:
        results = carry(sink)
    assert [type(results[number]) for number in range(3)] == [NotStarted] * 3


def test_a_closed_port_leaves_every_mail_unstarted():
    with Sink() as sink:
        pass
    assert {type(one) for one in carry(sink).values()} == {NotStarted}


@pytest.mark.parametrize(
    ("body", "wire"),
    [
        (b"a\r\n", b"a\r\n.\r\n"),
        (b"a", b"a\r\n.\r\n"),
        (b".a\r\n.\r\n", b"..a\r\n..\r\n.\r\n"),
        (b"", b"\r\n.\r\n"),
    ],
)
def test_dots_are_stuffed(body, wire):
    assert stuffed(body) == wire


def test_a_password_given_as_it_is_is_refused_without_being_shown():
    with Sink() as sink, pytest.raises(SettingsError) as raised:
        carry(sink, user="me", password="hush")
    assert "hush" not in str(raised.value)
    assert "hush" not in repr(smtp_settings({"smtp": {"password": "hush"}}))


def test_a_refused_password_is_the_fault_of_the_sender_and_leaves_every_mail_unsent(monkeypatch):
    def refused(_settings):
        raise smtplib.SMTPAuthenticationError(535, b"5.7.8 hush")

    monkeypatch.setattr("crm_email.smtp._connect", refused)
    with Sink() as sink:
        results = carry(sink)
    assert {(one.fault, one.code) for one in results.values()} == {("sender", "535, user or password refused")}
    assert (len(results), sink.mails) == (3, [])


def test_files_are_written_whole_and_again_under_the_same_name(tmp_path):
    provider = Files(file_settings({"file": {"directory": str(tmp_path / "mails")}}))
    with provider.open() as session:
        for _ in range(2):
            assert [type(one) for one in session.send([outgoing(1)])] == [Accepted]
    assert [(one.name, one.read_bytes()) for one in (tmp_path / "mails").iterdir()] == [("k1.eml", BODY)]


def test_a_directory_that_cannot_be_made_leaves_the_mail_unstarted(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with Files(file_settings({"file": {"directory": str(tmp_path / "file")}})).open() as session:
        assert [type(one) for one in session.send([outgoing(1)])] == [NotStarted]


@pytest.mark.parametrize("section", [{"smtp": {"security": "ssl"}}, {"smtp": {"prot": 25}}, {"smtp": {"port": "x"}}])
def test_a_wrong_setting_is_an_error(section):
    with pytest.raises(SettingsError):
        smtp_settings(section)
