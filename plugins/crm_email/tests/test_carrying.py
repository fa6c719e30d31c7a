"""Whatever the server does, every message ends in exactly one result."""

from __future__ import annotations

import select
import threading

import attrs
import pytest

from crm_email.file import Files
from crm_email.settings import email_settings, file_settings, smtp_settings
from crm_email.smtp import Smtp, stuffed
from crmcore.errors import SettingsError
from crmcore.hooks.provider import Accepted, InDoubt, NotStarted, Outgoing, Permanent, Retry, Suppress
from crmcore.model.identity import Identity
from crmcore.model.purpose import MessageClass
from crmcore.testing.loopback import Loopback
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


def smtp(sink, **settings):
    section = {"smtp": {"host": sink.host, "port": sink.port, "timeout": 5, **settings}}
    return Smtp(smtp_settings(section), email_settings({"sender": "shop@example.com"}))


def carry(sink, count=3, **settings):
    with smtp(sink, **settings).open() as session:
        return {one.delivery_id: one for one in session.send([outgoing(number) for number in range(count)])}


@pytest.mark.parametrize("connections", [1, 3])
def test_mails_arrive_byte_for_byte(connections):
    with Sink() as sink:
        results = carry(sink, 10, connections=connections)
    assert {type(one) for one in results.values()} == {Accepted}
    assert sorted(one.recipient for one in sink.mails) == sorted(f"{n}@example.com" for n in range(10))
    assert {(one.sender, one.body) for one in sink.mails} == {("shop@example.com", BODY)}


SECOND = "1@example.com"


#: What a server says of itself that takes one command after the other, and one that takes several at once (RFC 2920).
GREETINGS = {"one by one": Reply(250, "sink"), "pipelined": None}


@pytest.mark.parametrize("greeting", GREETINGS)
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
def test_one_refused_mail_never_holds_up_the_others(stage, reply, kind, what, greeting):
    said = {("ehlo", ""): GREETINGS[greeting], (stage, SECOND): reply}
    with Sink(lambda at, address: said.get((at, address))) as sink:
        results = carry(sink)
    assert (type(results[0]), type(results[1]), type(results[2])) == (Accepted, kind, Accepted)
    assert what in (None, getattr(results[1], "reason", None), getattr(results[1], "fault", None))
    assert [one.recipient for one in sink.mails] == ["0@example.com", "2@example.com"]


def trusting(wire):
    """A server that takes DATA where it has refused every recipient."""
    wire.say(b"220 sink\r\n")
    answers = {
        b"EHLO": b"250-sink\r\n250 PIPELINING",
        b"RCPT": b"550 5.1.1 nobody",
        b"DATA": b"354 go on",
        b"QUIT": b"221 bye",
    }
    while True:
        verb = wire.until(b"\r\n")[:4].upper()
        wire.say(answers.get(verb, b"250 ok") + b"\r\n")
        if verb == b"DATA":
            assert wire.until(b".\r\n") == b""
            wire.say(b"554 5.5.1 no recipients\r\n")


def test_a_server_that_would_take_a_mail_for_nobody_gets_none():
    with Loopback(trusting) as sink:
        results = carry(sink)
    assert [type(results[number]) for number in range(3)] == [Suppress] * 3


def test_a_refused_sender_is_no_fault_of_the_recipient():
    with Sink(lambda at, _: Reply(553, "5.1.8 bad sender") if at == "mail" else None) as sink:
        results = carry(sink)
    assert {getattr(one, "fault", None) for one in results.values()} == {"sender"}


@pytest.mark.parametrize("greeting", [Drop(), Reply(554, "go away")])
def test_a_server_out_of_reach_leaves_every_mail_unstarted(greeting):
    with Sink(lambda at, _: greeting if at == "connect" else None) as sink:
        results = carry(sink)
    assert [type(results[number]) for number in range(3)] == [NotStarted] * 3


def test_a_recipient_elsewhere_that_the_server_forwards_to_is_taken():
    with Sink(lambda at, _: Reply(251, "2.1.5 will forward") if at == "rcpt" else None) as sink:
        results = carry(sink)
    assert {type(one) for one in results.values()} == {Accepted}


@pytest.mark.parametrize("code", [999, 0, 354])
def test_after_the_final_dot_what_is_no_answer_leaves_the_mail_in_doubt(code):
    with Sink(lambda at, address: Reply(code, "?") if (at, address) == ("taken", SECOND) else None) as sink:
        results = carry(sink)
    assert (type(results[0]), type(results[1]), type(results[2])) == (Accepted, InDoubt, Accepted)
    assert len(sink.mails) == 3


@pytest.mark.parametrize("greeting", GREETINGS)
@pytest.mark.parametrize("more", ["250 again", "554 5.7.1 no", "421 4.4.2 idle for too long"])
def test_what_nobody_asked_for_after_a_mail_is_no_answer_to_the_next(more, greeting):
    said = {("ehlo", ""): GREETINGS[greeting], ("taken", SECOND): Reply(250, f"taken\r\n{more}")}
    with Sink(lambda at, address: said.get((at, address))) as sink:
        results = carry(sink)
    assert [type(results[number]) for number in range(3)] == [Accepted] * 3
    assert len(sink.mails) == 3


@pytest.mark.parametrize(
    "said",
    [
        {"data": Reply(354, "go on\r\n250 taken")},
        {"rcpt": Reply(250, "ok\r\n354 go on\r\n451 4.3.0 later")},
    ],
    ids=["taken before it was sent", "told to go on before it was asked"],
)
def test_a_body_does_not_leave_where_more_was_said_than_was_asked(said):
    with Sink(lambda at, address: said.get(at) if address == SECOND else None) as sink:
        results = carry(sink)
    assert (type(results[0]), type(results[1]), type(results[2])) == (Accepted, Retry, Accepted)
    assert [one.recipient for one in sink.mails] == ["0@example.com", "2@example.com"]


def test_a_connection_that_was_closed_while_idle_is_made_anew():
    with Sink() as sink, smtp(sink).open() as session:
        first = list(session.send([outgoing(1)]))
        sink.hang_up()
        assert select.select([session._lines[0]._connection.sock], [], [], 5)[0]
        assert {type(one) for one in first + list(session.send([outgoing(2)]))} == {Accepted}


def test_a_server_that_fails_twice_in_a_row_is_left_alone_for_the_rest_of_the_batch():
    asked = []
    with Sink(lambda at, _: asked.append(at) or (Drop() if at == "mail" else None)) as sink:
        results = carry(sink, 10)
    assert [type(results[number]) for number in range(10)] == [Retry] * 2 + [NotStarted] * 8
    assert asked.count("connect") == 2


def test_a_refused_login_is_reported_of_every_mail_and_logged_without_the_server_s_words(monkeypatch, caplog):
    monkeypatch.setenv("SMTP_PASSWORD", "hush")
    with Sink(lambda at, _: Reply(535, "5.7.8 who is hush?") if at == "auth" else None) as sink:
        results = carry(sink, user="me", password="env:SMTP_PASSWORD")
    assert {(type(one), one.fault, one.code) for one in results.values()} == {
        (Permanent, "sender", "535, user or password refused")
    }
    assert "535" in caplog.text
    assert "hush" not in caplog.text


def test_a_server_that_offers_no_starttls_is_logged_as_one(caplog):
    with Sink() as sink:
        results = carry(sink, security="starttls")
    assert {type(one) for one in results.values()} == {NotStarted}
    assert "STARTTLS extension not supported" in caplog.text


def test_a_password_that_smtp_cannot_say_is_refused_without_being_shown(monkeypatch, caplog):
    monkeypatch.setenv("SMTP_PASSWORD", "geheimer-schlüssel")
    with Sink() as sink:
        results = carry(sink, user="me", password="env:SMTP_PASSWORD")
    assert {one.fault for one in results.values()} == {"sender"}
    assert "geheimer" not in caplog.text


@pytest.mark.parametrize("connections", [1, 3])
def test_a_missing_password_is_an_error_before_any_mail(connections):
    provider = Smtp(
        smtp_settings({"smtp": {"user": "me", "password": "env:NOT_THERE", "connections": connections}}),
        email_settings({"sender": "shop@example.com"}),
    )
    with pytest.raises(SettingsError, match="NOT_THERE"):
        provider.open()


def test_a_domain_outside_ascii_goes_in_its_ascii_form():
    with Sink() as sink, smtp(sink).open() as session:
        one = attrs.evolve(outgoing(1), address=Identity("email", "ada@Müller.example"))
        assert [type(result) for result in session.send([one])] == [Accepted]
    assert [mail.recipient for mail in sink.mails] == ["ada@xn--mller-kva.example"]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"address": Identity("email", "ü@example.com")}, "address"),
        ({"address": Identity("email", "a@b.co>\r\nRCPT TO:<c@d.co")}, "address"),
        ({"body": b"a\n.\r\nMAIL FROM:<a@b.co>\r\n"}, "content"),
        ({"body": b"a\r.\r\n"}, "content"),
    ],
)
def test_what_cannot_go_over_the_wire_is_refused_alone_before_anything_of_it_leaves(change, fault):
    stages = []
    with Sink(lambda at, _: stages.append(at)) as sink, smtp(sink).open() as session:
        [result] = session.send([attrs.evolve(outgoing(1), **change)])
    assert (type(result), result.fault) == (Permanent, fault)
    assert "mail" not in stages


def test_results_come_while_other_connections_are_still_at_work():
    held = threading.Event()
    sink = Sink(lambda at, address: held.wait(5) and None if (at, address) == ("dot", SECOND) else None)
    with sink, smtp(sink, connections=2).open() as session:
        results = session.send([outgoing(number) for number in range(5)])
        first = [next(results).delivery_id for _ in range(4)]
        held.set()
        assert [one.delivery_id for one in results] == [1]
    assert sorted(first) == [0, 2, 3, 4]


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


@pytest.mark.parametrize("section", [{"security": "ssl"}, {"prot": 25}, {"port": "x"}, {"connections": 0}])
def test_a_wrong_setting_is_an_error(section):
    with pytest.raises(SettingsError):
        smtp_settings({"smtp": section})


@pytest.mark.parametrize("sender", ["shöp@example.com", "shop@-x.com"])
def test_a_sender_that_cannot_go_over_the_wire_is_an_error_before_any_mail(sender):
    with pytest.raises(SettingsError, match="sender"):
        Smtp(smtp_settings({}), email_settings({"sender": sender})).open()
