"""What the driver makes of a batch, over HTTP/1.1 where nothing else is said."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter

import attrs
import pytest

from crmcore.errors import MissingExtra, SettingsError
from crmcore.hooks.provider import Accepted, HttpRequest, InDoubt, Permanent
from crmcore.http import line, pipe
from crmcore.http.driver import Driver
from crmcore.http.wire import LARGEST
from crmcore.model.http import Http
from crmcore.testing.fakes import Recorder
from crmcore.testing.http_sink import Answer, HttpSink
from crmcore.testing.loopback import Drop, Loopback, Silence, Slow
from tests.http.certificates import written
from tests.http.posting import TIMEOUT, Poster, kinds, opened, outgoing, send, url
from tests.http.relays import Proxy, encrypted
from tests.http.two_sink import TwoSink


def threads():
    return [one.name for one in threading.enumerate() if one.name.startswith("crmcore-http")]


def test_import_and_construction_start_no_thread_and_import_neither_library():
    program = """
import sys, threading
import crmcore.app
from crmcore.http.driver import Driver
from crmcore.http.wire import LARGEST
from crmcore.model.http import Http
from crmcore.testing.fakes import Recorder
with Driver(Http(), lambda: 0) as driver, driver.open(Recorder()):
    assert threading.active_count() == 1
assert not {"aiohttp", "h2"} & sys.modules.keys()
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_what_keeps_its_own_connections_is_opened_as_it_is():
    recorder = Recorder()
    with Driver(Http(), lambda: 0) as driver:
        assert driver.open(recorder) is recorder


@pytest.mark.parametrize("protocol", ["http/1.1", "h2"])
def test_when_the_driver_is_left_no_thread_is(protocol):
    kind = HttpSink if protocol == "http/1.1" else TwoSink
    with kind() as sink, opened(Poster(url(sink), protocol=protocol)) as session:
        send(session)
        assert threads() == ["crmcore-http"]
    assert threads() == []


@pytest.mark.parametrize(("library", "protocol"), [("aiohttp.http", "http/1.1"), ("h2.connection", "h2")])
def test_where_the_extra_is_missing_the_error_says_what_to_install(monkeypatch, library, protocol):
    for module in ("one", "two", "pipe", "line"):
        monkeypatch.delitem(sys.modules, f"crmcore.http.{module}", raising=False)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingExtra, match=r'pip install "crmcore\[http\]"'):
        opened(Poster("http://127.0.0.1/", protocol=protocol)).__enter__()


def test_a_forked_process_leaves_the_connections_to_its_parent():
    with HttpSink() as sink, opened(Poster(url(sink))) as session:
        assert kinds(send(session)) == ["Accepted"] * 3
        child = os.fork()
        if child == 0:
            os._exit(kinds(send(session)) != ["NotStarted"] * 3)
        assert os.waitpid(child, 0)[1] == 0
        assert kinds(send(session)) == ["Accepted"] * 3


class Cracked(Poster):
    """It fails at the message k1."""

    def build_request(self, batch, now):
        if batch[0].message_key == "k1":
            raise KeyError("hush-4711")
        return super().build_request(batch, now)


class Puzzled(Poster):
    def __init__(self, to, answer):
        super().__init__(to)
        self._answer = answer

    def read_response(self, batch, response, now):
        return self._answer(batch) if batch[0].message_key == "k1" else super().read_response(batch, response, now)


def test_a_message_no_request_can_be_made_of_fails_alone_and_what_it_says_is_not_logged(caplog):
    with HttpSink() as sink, opened(Cracked(url(sink))) as session:
        results = send(session)
    assert kinds(results) == ["Accepted", "Permanent", "Accepted"]
    assert (results[1].fault, results[1].text) == ("content", "KeyError")
    assert "hush" not in caplog.text
    assert "KeyError" in caplog.text


@pytest.mark.parametrize(
    "answer",
    [
        lambda batch: 1 / 0,
        lambda batch: [],
        lambda batch: [Accepted(delivery_id=batch[0].delivery_id)] * 2,
        lambda batch: [Accepted(delivery_id=99)],
        lambda batch: None,
    ],
)
def test_an_answer_that_is_not_read_leaves_its_message_in_doubt(answer):
    with HttpSink() as sink, opened(Puzzled(url(sink), answer)) as session:
        assert kinds(send(session)) == ["Accepted", "InDoubt", "Accepted"]


def test_a_request_that_cannot_be_written_stops_no_other(caplog):
    class Wordy(Poster):
        def build_request(self, batch, now):
            made = super().build_request(batch, now)
            return attrs.evolve(made, body="hush") if batch[0].delivery_id == 1 else made

    with HttpSink() as sink, opened(Wordy(url(sink), in_flight=2)) as session:
        assert kinds(send(session, 5)) == ["Accepted", "InDoubt", "Accepted", "Accepted", "Accepted"]
    assert "hush" not in caplog.text


def test_a_host_may_be_written_in_any_letters():
    with HttpSink() as sink, opened(Poster(f"http://\uff4cocalhost:{sink.port}/messages")) as session:
        assert kinds(send(session, 1)) == ["Accepted"]


def test_several_messages_go_in_one_request():
    class Bulk(Poster):
        def build_request(self, batch, now):
            return HttpRequest(method="POST", url=self._url, body=b",".join(one.body for one in batch))

        def read_response(self, batch, response, now):
            return [Accepted(delivery_id=one.delivery_id) for one in batch]

    with HttpSink() as sink, opened(Bulk(url(sink), per_request=4)) as session:
        assert kinds(send(session, 10)) == ["Accepted"] * 10
    assert sorted(one.body.count(b"hello") for one in sink.posts) == [2, 4, 4]


def test_no_more_requests_are_under_way_than_the_carriage_names():
    under_way, most = set(), []

    def script(stage, key):
        (under_way.add if stage == "request" else under_way.discard)(key)
        most.append(len(under_way))

    with HttpSink(script) as sink, opened(Poster(url(sink), in_flight=3)) as session:
        send(session, 30)
    assert max(most) <= 3


@pytest.mark.parametrize("name", ["To", "X\r\nEvil"])
@pytest.mark.parametrize("value", ["a\r\nEvil: yes", "a\nb", "a\0", "ü", "\ud800"])
def test_what_cannot_stand_in_a_header_does_not_leave(name, value):
    with HttpSink() as sink, opened(Poster(url(sink))) as session:
        provider = session._provider
        provider.more = {"headers": {name: value}}
        assert kinds(send(session, 1)) == ["Permanent"]
    assert sink.posts == []


@pytest.mark.parametrize(
    "where", ["ftp://127.0.0.1/", "http://", "http://user:pw@127.0.0.1/", "http://127.0.0.1/ x", "x"]
)
def test_what_is_no_url_does_not_leave(where):
    with opened(Poster(where)) as session:
        [result] = send(session, 1)
    assert isinstance(result, Permanent)
    assert "pw" not in repr(result)


def test_a_redirect_is_an_answer_and_not_followed():
    moved = Answer(status=307, headers={"Location": "/elsewhere"})
    seen = []

    class Watching(Poster):
        def read_response(self, batch, response, now):
            seen.append((response.status, response.headers["location"]))
            return super().read_response(batch, response, now)

    sink = HttpSink(lambda stage, _: moved if stage == "body" else None)
    with sink, opened(Watching(url(sink))) as session:
        send(session, 1)
    assert seen == [(307, "/elsewhere")]


@pytest.mark.parametrize(("kind", "protocol"), [(HttpSink, "http/1.1"), (TwoSink, "h2")])
def test_an_answer_that_is_too_long_is_not_read(monkeypatch, kind, protocol):
    for module in (pipe, line):
        monkeypatch.setattr(module, "LARGEST", 10_000)
    long = Answer(status=200, body=b" " * 10_001)
    sink = kind(lambda stage, _: long if stage == "taken" else None)
    with sink, opened(Poster(url(sink), protocol=protocol), timeout=5) as session:
        [result] = send(session, 1)
    assert isinstance(result, InDoubt)


def test_answers_that_are_long_and_not_too_long_are_read_one_after_the_other():
    class Measuring(Poster):
        def read_response(self, batch, response, now):
            return [Accepted(delivery_id=one.delivery_id, provider_id=str(len(response.body))) for one in batch]

    long = Answer(status=200, body=b" " * LARGEST)
    with (
        HttpSink(lambda stage, _: long if stage == "taken" else None) as sink,
        opened(Measuring(url(sink), in_flight=1), timeout=5) as session,
    ):
        assert [one.provider_id for one in send(session)] == [str(LARGEST)] * 3


@pytest.mark.parametrize("stage", ["connect", "request", "taken"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_what_may_have_left_is_sent_once_whatever_its_method(stage, method):
    asked = []

    def script(at, _):
        asked.append(at)
        return Drop() if at == stage else None

    with HttpSink(script) as sink, opened(Poster(url(sink))) as session:
        session._provider.more = {"method": method}
        assert kinds(send(session, 1)) == ["InDoubt"]
    assert asked.count("connect") == 1


def test_a_silent_carrier_costs_a_batch_a_few_limits():
    began = time.monotonic()
    with Loopback(lambda wire: wire.stall(Silence())) as sink, opened(Poster(url(sink))) as session:
        found = Counter(kinds(send(session, 500)))
    assert time.monotonic() - began < 5 * TIMEOUT
    assert found["InDoubt"] in (32, 33)
    assert found["NotStarted"] == 500 - found["InDoubt"]


def test_an_answer_that_drips_in_has_to_be_whole_in_time():
    began = time.monotonic()

    def dripping(wire):
        wire.say(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        wire.stall(Silence(0.01))

    with Loopback(dripping) as sink, opened(Poster(url(sink))) as session:
        assert kinds(send(session, 1)) == ["InDoubt"]
    assert time.monotonic() - began < 5 * TIMEOUT


def test_where_nobody_listens_the_rest_is_not_tried():
    with HttpSink() as sink:
        pass
    asked = []

    class Counting(Poster):
        def build_request(self, batch, now):
            asked.append(batch)
            return super().build_request(batch, now)

    with opened(Counting(url(sink), in_flight=1)) as session:
        assert kinds(send(session, 50)) == ["NotStarted"] * 50
    assert len(asked) == 2


def test_a_connection_the_server_closed_meanwhile_is_not_used():
    with HttpSink() as sink, opened(Poster(url(sink))) as session:
        for _ in range(5):
            assert kinds(send(session, 3)) == ["Accepted"] * 3
            sink.hang_up()


def test_whoever_stops_reading_ends_what_is_under_way():
    def script(stage, key):
        return Slow(60) if stage == "request" and int(key[1:]) >= 100 else None

    began = time.monotonic()
    with HttpSink(script) as sink, opened(Poster(url(sink)), timeout=60) as session:
        given = session.send([outgoing(n) for n in range(500)])
        next(given)
        given.close()
        assert kinds(send(session, 3)) == ["Accepted"] * 3
        assert len(sink.posts) == 103
    assert time.monotonic() - began < 30


def test_what_has_been_answered_is_told_though_somebody_presses_ctrl_c():
    class Pressing(Poster):
        def read_response(self, batch, response, now):
            if batch[0].delivery_id == 1:
                os.kill(os.getpid(), signal.SIGINT)
            return super().read_response(batch, response, now)

    told = []
    silent = lambda stage, key: Silence() if (stage, key) == ("request", "k2") else None  # noqa: E731
    with HttpSink(silent) as sink, opened(Pressing(url(sink), in_flight=1), timeout=60) as session:
        with pytest.raises(KeyboardInterrupt):
            told.extend(session.send([outgoing(n) for n in range(5)]))
        assert kinds(told) == ["Accepted"] * 2
        assert kinds(send(session, 1)) == ["Accepted"]


def test_hosts_are_logged_and_nothing_that_may_hold_a_token(caplog):
    caplog.set_level(logging.DEBUG)
    with HttpSink() as sink, opened(Poster(url(sink) + "/hush-1?token=hush-2")) as session:
        session._provider.more = {"headers": {"Authorization": "Bearer hush-3"}, "body": b"hush-4"}
        send(session, 1)
    assert "POST 127.0.0.1 200" in caplog.text
    assert "hush" not in caplog.text


def test_over_http_2_nothing_is_logged_that_may_hold_a_token(caplog):
    caplog.set_level(logging.DEBUG)
    with TwoSink() as sink, opened(Poster(url(sink) + "/hush-1?token=hush-2", protocol="h2")) as session:
        session._provider.more = {"headers": {"Authorization": "Bearer hush-3"}, "body": b"hush-4"}
        send(session, 1)
    assert "hush" not in caplog.text


@pytest.mark.parametrize(("kind", "protocol"), [(HttpSink, "http/1.1"), (TwoSink, "h2")])
def test_whose_certificates_are_trusted_is_a_setting(tmp_path, kind, protocol):
    certificate = written(tmp_path)
    with encrypted(kind(), certificate, protocol) as sink:
        to = url(sink, "https")
        with opened(Poster(to, protocol=protocol)) as session:
            assert kinds(send(session)) == ["NotStarted"] * 3
        with opened(Poster(to, protocol=protocol), ca_file=str(certificate)) as session:
            assert kinds(send(session)) == ["Accepted"] * 3


def test_a_file_without_certificates_is_a_wrong_setting(tmp_path):
    (tmp_path / "empty.pem").write_text("")
    with pytest.raises(SettingsError, match=r"http\.ca_file"):
        opened(Poster("http://127.0.0.1/"), ca_file=str(tmp_path / "empty.pem")).__enter__()


@pytest.mark.parametrize("protocol", ["http/1.1", "h2"])
def test_a_proxy_is_gone_through(tmp_path, protocol):
    certificate = written(tmp_path)
    sink = encrypted(HttpSink() if protocol == "http/1.1" else TwoSink(), certificate, protocol)
    provider = Poster(f"https://localhost:{sink.port}/messages", protocol=protocol)
    with sink, Proxy(sink.port) as proxy:
        settings = {"proxy": f"http://127.0.0.1:{proxy.port}", "ca_file": str(certificate), "timeout": 5}
        with opened(provider, **settings) as session:
            assert kinds(send(session, 1)) == ["Accepted"]
    assert proxy.heads[0].startswith(f"CONNECT localhost:{sink.port} HTTP/1.1\r\n")


@pytest.mark.parametrize("protocol", ["http/1.1", "h2"])
def test_a_proxy_that_refuses_lets_nothing_start(protocol):
    with Proxy() as proxy:
        where = "https://carrier.example/messages"
        with opened(Poster(where, protocol=protocol), proxy=f"http://127.0.0.1:{proxy.port}") as session:
            assert kinds(send(session, 1)) == ["NotStarted"]


def test_the_password_of_a_proxy_comes_by_reference_and_is_not_shown(monkeypatch, caplog):
    caplog.set_level(logging.DEBUG)
    with Proxy() as proxy:
        monkeypatch.setenv("PROXY", f"http://us:hush@127.0.0.1:{proxy.port}")
        with opened(Poster("http://carrier.example/messages"), proxy="env:PROXY") as session:
            assert kinds(send(session, 1)) == ["Accepted"]
            assert "hush" not in f"{caplog.text} {session!r} {Http(proxy='env:PROXY')!r}"
    assert "Proxy-Authorization: Basic" in proxy.heads[0]


def test_a_secret_that_is_not_there_is_a_wrong_setting():
    with pytest.raises(SettingsError, match="NO_SUCH_PROXY"):
        opened(Poster("http://127.0.0.1/"), proxy="env:NO_SUCH_PROXY").__enter__()
