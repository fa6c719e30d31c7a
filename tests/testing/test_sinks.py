"""The sinks fail where they are told to, and what they took can be read by anybody, whatever becomes of them."""

from __future__ import annotations

import http.client
import multiprocessing
import smtplib
import socket
import threading

import pytest

from crmcore.testing import http_sink, smtp_sink
from crmcore.testing.http_sink import Answer, HttpSink, Post
from crmcore.testing.log import Log
from crmcore.testing.loopback import Cut, Drop, Slow
from crmcore.testing.postfix_sink import PostfixSink, program
from crmcore.testing.smtp_sink import Mail, Reply, Sink

BODY = b"Message-ID: <1@x>\r\n\r\n.dot\r\n..dots\r\nend\r\n"
ANSWERED, REFUSED, HUNG_UP = "answered", "refused", "hung up"


def mailed(sink, body=BODY):
    """Send one mail; tell how that ended."""
    try:
        with smtplib.SMTP(sink.host, sink.port, local_hostname="localhost", timeout=5) as server:
            server.sendmail("a@example.com", ["b@example.com"], body)
    except smtplib.SMTPServerDisconnected:
        return HUNG_UP
    except smtplib.SMTPResponseException:
        return REFUSED
    except smtplib.SMTPRecipientsRefused:
        return REFUSED
    except OSError:
        return HUNG_UP
    return ANSWERED


def posted(sink):
    """Post one message; tell how that ended."""
    connection = http.client.HTTPConnection(sink.host, sink.port, timeout=5)
    try:
        connection.request("POST", "/messages", b"hello", {"Idempotency-Key": "k"})
        answer = connection.getresponse()
        said = answer.read()
    except (http.client.HTTPException, OSError):
        return HUNG_UP
    finally:
        connection.close()
    if not said:  # what ends within its headers is whole to http.client
        return HUNG_UP
    return ANSWERED if answer.status < 400 else REFUSED


def at(wanted, what):
    return lambda stage, _: what if stage == wanted else None


@pytest.mark.parametrize("stage", [stage for stage in smtp_sink.STAGES if stage != "auth"])
def test_a_mail_is_taken_once_the_final_dot_is_and_a_connection_dropped_before_takes_none(stage):
    with Sink(at(stage, Drop())) as sink:
        ended = mailed(sink)
    assert ended == (ANSWERED if stage == "quit" else HUNG_UP)
    assert len(sink.mails) == (stage in ("taken", "quit"))


@pytest.mark.parametrize("stage", ["mail", "rcpt", "data", "dot"])
def test_a_mail_that_is_refused_at_any_step_is_not_taken(stage):
    with Sink(at(stage, Reply(451, "later"))) as sink:
        assert mailed(sink) == REFUSED
    assert sink.mails == []


@pytest.mark.parametrize(("after", "taken"), [(0, 0), (1, 0), (len(BODY) - 1, 0)])
def test_a_connection_can_be_cut_within_a_mail(after, taken):
    with Sink(at("data", Cut(after))) as sink:
        assert mailed(sink) == HUNG_UP
    assert len(sink.mails) == taken


def test_a_slow_answer_is_the_usual_one():
    with Sink(at("rcpt", Slow(0.01))) as sink:
        assert mailed(sink) == ANSWERED
    assert [one.body for one in sink.mails] == [BODY]


def test_a_sink_that_is_left_waits_for_nobody():
    begun = threading.Event()

    def slow(_stage, _whom):
        begun.set()
        return Slow(3600)

    with Sink(slow) as sink:
        client = socket.create_connection((sink.host, sink.port))
        assert begun.wait(10)
    with client:
        assert client.recv(1) == b""


def test_a_mail_that_begins_with_dots_comes_as_it_was():
    with Sink() as sink:
        mailed(sink, b"..two\r\n.one\r\n")
    assert [one.body for one in sink.mails] == [b"..two\r\n.one\r\n"]


@pytest.mark.parametrize("stage", http_sink.STAGES)
def test_a_request_is_taken_once_it_is_whole_and_a_connection_dropped_before_takes_none(stage):
    with HttpSink(at(stage, Drop())) as sink:
        assert posted(sink) == HUNG_UP
    assert len(sink.posts) == (stage == "taken")


@pytest.mark.parametrize(("stage", "status", "taken"), [("request", 503, 0), ("body", 422, 0), ("taken", 500, 1)])
def test_a_request_can_be_refused_before_and_after_it_is_taken(stage, status, taken):
    with HttpSink(at(stage, Answer(status=status))) as sink:
        assert posted(sink) == REFUSED
    assert len(sink.posts) == taken


@pytest.mark.parametrize(("stage", "after", "taken"), [("request", 2, 0), ("taken", 0, 1), ("taken", 20, 1)])
def test_a_connection_can_be_cut_within_a_request_and_within_an_answer(stage, after, taken):
    with HttpSink(at(stage, Cut(after))) as sink:
        assert posted(sink) == HUNG_UP
    assert len(sink.posts) == taken


def take_for_ever(path, ready):
    with Log(path, Post) as log, HttpSink(also=log) as sink:
        ready.send((sink.host, sink.port))
        ready.recv()


def test_what_a_sink_took_is_there_though_it_was_killed(tmp_path):
    """All of it, byte for byte, to be read by another process."""
    forks = multiprocessing.get_context("forkserver")
    mine, its = forks.Pipe()
    process = forks.Process(target=take_for_ever, args=(tmp_path / "posts", its))
    process.start()
    host, port = mine.recv()
    connection = http.client.HTTPConnection(host, port, timeout=5)
    for body in (b"one", bytes(range(256))):
        connection.request("POST", "/x", body, {"Idempotency-Key": "k"})
        connection.getresponse().read()
    process.kill()
    process.join()
    connection.close()
    assert list(Log(tmp_path / "posts", Post)) == [Post("/x", "k", b"one"), Post("/x", "k", bytes(range(256)))]


@pytest.mark.skipif(program() is None, reason="Postfix's smtp-sink is not installed")
def test_the_sink_of_postfix_takes_the_same_mails(tmp_path):
    with Sink() as ours, PostfixSink(tmp_path / "mails") as theirs:
        assert [mailed(ours), mailed(theirs)] == [ANSWERED, ANSWERED]
    assert ours.mails == theirs.mails == [Mail("a@example.com", "b@example.com", BODY)]


@pytest.mark.skipif(program() is None, reason="Postfix's smtp-sink is not installed")
def test_the_sink_of_postfix_fails_as_its_options_say(tmp_path):
    with PostfixSink(tmp_path / "mails", ["-f", "rcpt"]) as sink:
        assert mailed(sink) == REFUSED
    assert sink.mails == []
