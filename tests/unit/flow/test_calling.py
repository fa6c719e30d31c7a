"""Which addresses are called, and how: what a name leads to is looked at once, and that very place is called."""

from __future__ import annotations

import socket
import ssl
import threading
from http.client import HTTPException
from ipaddress import ip_address
from pathlib import Path

import pytest

from crmcore.flow import calling
from crmcore.flow.calling import post
from crmcore.http.addresses import Refused, is_anywhere, is_near, is_public, target
from crmcore.testing.http_sink import Answer, Cut, Drop, HttpSink
from crmcore.testing.loopback import Loopback, Silence

PUBLIC = ["93.184.215.14", "8.8.8.8", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "::ffff:8.8.8.8", "64:ff9b::808:808"]
NEAR = ["127.0.0.1", "127.1.2.3", "10.0.0.1", "172.16.0.1", "192.168.1.1", "::1", "fc00::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"]  # fmt: skip
BARRED = [
    "0.0.0.0",
    "100.64.0.1",
    "169.254.169.254",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "::ffff:169.254.169.254",
    "2002:a9fe:a9fe::",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_what_is_public_is_called(address):
    assert is_public(ip_address(address))


@pytest.mark.parametrize("address", NEAR + BARRED + ["2002:7f00:1::", "2001:db8::1"])
def test_what_is_not_public_is_not_called(address):
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", NEAR)
def test_what_is_near_is_called_where_that_is_allowed(address):
    assert is_near(ip_address(address))
    assert is_anywhere(ip_address(address))


@pytest.mark.parametrize(
    ("cloud", "address"),
    [
        ("Azure", "168.63.129.16"),
        ("Azure", "::ffff:168.63.129.16"),
        ("Azure", "64:ff9b::a83f:8110"),
        ("Alibaba", "100.100.100.200"),
        ("Oracle", "192.0.0.192"),
        ("Oracle", "fd00:c1::a9fe:a9fe"),
        ("AWS", "fd00:ec2::254"),
        ("AWS", "fd00:ec2::254%eth0"),
        ("AWS", "fd00:ec2::23"),
        ("AWS", "169.254.170.2"),
        ("Google", "fd20:ce::254"),
        ("Scaleway", "fd00:42::42"),
        ("OpenStack", "fe80::a9fe:a9fe"),
    ],
)
def test_where_a_cloud_tells_a_machine_its_secrets_nothing_is_sent_whatever_is_allowed(cloud, address):
    assert not is_public(ip_address(address)), cloud
    assert not is_anywhere(ip_address(address)), cloud


@pytest.mark.parametrize("address", BARRED)
def test_some_addresses_are_never_called(address):
    assert not is_anywhere(ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/",
        "file:///etc/passwd",
        "example.com/hook",
        "http:///hook",
        "http://user:word@example.com/",
        "http://example.com:99999/",
        "http://[::1/",
        "http://example.com/a b",
        "http://example.com/a\r\nX: y",
        "http://example.com/ä",
    ],
)
def test_what_is_no_web_address_is_refused(url):
    with pytest.raises(Refused):
        target(url)


def test_a_web_address_leads_to_a_host_a_port_and_a_path_with_its_query():
    found = target("https://Shop.example/hook?a=1#part")
    assert (found.host, found.port, found.path) == ("shop.example", 443, "/hook?a=1")
    assert target("http://shop.example:8080").path == "/"


def anywhere(url: str, seconds: float = 5.0, allowed=is_anywhere):
    return post(url, b"{}", {"Idempotency-Key": "7"}, allowed, seconds)


@pytest.fixture
def resolver(monkeypatch):
    """Let names lead to places, another list of them each time they are asked for."""
    answers, asked = [], []

    def resolve(host, port, **_):
        asked.append(host)
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (place, port))
            for place in answers[min(len(asked), len(answers)) - 1]
        ]

    monkeypatch.setattr(calling, "getaddrinfo", resolve)
    return lambda *given: (answers.extend(given), asked)[1]


def test_one_address_of_a_name_that_is_not_allowed_is_enough_to_refuse_it(resolver):
    resolver(["8.8.8.8", "10.0.0.1"])
    with pytest.raises(Refused, match="private"):
        anywhere("http://shop.example/", allowed=is_public)


def test_the_place_that_was_looked_at_is_the_one_that_is_called(resolver):
    asked = resolver(["127.0.0.1"], ["8.8.8.8"])
    with HttpSink() as sink:
        assert anywhere(f"http://shop.example:{sink.port}/hook").status == 200
        assert [one.path for one in sink.posts] == ["/hook"]
    assert asked == ["shop.example"]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]"])
def test_no_way_of_writing_it_leads_to_this_machine(host):
    with HttpSink() as sink, pytest.raises(Refused):
        anywhere(f"http://{host}:{sink.port}/", allowed=is_public)


def test_the_next_place_is_called_where_the_first_takes_no_connection(resolver):
    resolver(["127.0.0.2", "127.0.0.1"])
    with HttpSink() as sink:
        assert anywhere(f"http://shop.example:{sink.port}/").status == 200


def test_a_redirect_is_an_answer_and_not_followed():
    with HttpSink() as other:
        leads = Answer(status=302, headers={"Location": f"http://127.0.0.1:{other.port}/"})
        with HttpSink(lambda stage, key: leads if stage == "body" else None) as sink:
            assert anywhere(f"http://127.0.0.1:{sink.port}/").status == 302
        assert other.posts == []


def test_proxies_of_the_environment_are_not_used(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with HttpSink() as sink:
        assert anywhere(f"http://127.0.0.1:{sink.port}/").status == 200


def test_an_answer_says_when_to_come_again():
    busy = Answer(status=429, headers={"Retry-After": "120"})
    with HttpSink(lambda stage, key: busy if stage == "body" else None) as sink:
        assert anywhere(f"http://127.0.0.1:{sink.port}/") == calling.Answer(status=429, after=120.0)


@pytest.mark.parametrize("fault", [Drop(), Cut(after=5)])
def test_where_there_is_no_answer_it_is_an_error(fault):
    with (
        HttpSink(lambda stage, key: fault if stage == "taken" else None) as sink,
        pytest.raises((OSError, HTTPException)),
    ):
        anywhere(f"http://127.0.0.1:{sink.port}/")


@pytest.mark.parametrize("drip", [None, 0.02])
def test_an_answer_that_never_ends_is_not_waited_for(drip):
    with Loopback(lambda wire: wire.stall(Silence(drip=drip))) as server, pytest.raises(TimeoutError):
        anywhere(f"http://127.0.0.1:{server.port}/", seconds=0.2)


def test_a_body_without_end_does_not_take_the_answer_back():
    def converse(wire):
        wire.until(b"\r\n\r\n")
        wire.say(b"HTTP/1.1 200 OK\r\nContent-Length: 9999999999\r\n\r\n")
        wire.stall(Silence(drip=0.02))

    with Loopback(converse) as server:
        assert anywhere(f"http://127.0.0.1:{server.port}/", seconds=0.2).status == 200


def test_a_resolver_that_does_not_answer_is_not_waited_for(monkeypatch):
    over = threading.Event()
    monkeypatch.setattr(calling, "getaddrinfo", lambda *_, **__: over.wait(30))
    try:
        with pytest.raises(TimeoutError):
            anywhere("http://shop.example/", seconds=0.1)
    finally:
        over.set()


CERTIFICATE = Path(__file__).parents[2] / "data" / "shop.example.pem"


@pytest.fixture
def encrypted(monkeypatch):
    """A server that speaks TLS as shop.example, known to this machine."""
    known = ssl.create_default_context(cafile=CERTIFICATE)
    monkeypatch.setattr(calling, "_context", lambda: known)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(CERTIFICATE)

    def converse(wire):
        with context.wrap_socket(wire._connection, server_side=True) as line:
            line.recv(65536)
            line.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    with Loopback(converse) as server:
        yield server


def test_the_name_is_what_the_certificate_is_held_against(resolver, encrypted):
    resolver(["127.0.0.1"])
    assert anywhere(f"https://shop.example:{encrypted.port}/").status == 204


def test_somebody_elses_certificate_is_not_taken(resolver, encrypted):
    resolver(["127.0.0.1"])
    with pytest.raises(ssl.SSLCertVerificationError):
        anywhere(f"https://other.example:{encrypted.port}/")


def test_a_greeting_that_never_comes_is_not_waited_for():
    with Loopback(lambda wire: wire.stall(Silence())) as server, pytest.raises(TimeoutError):
        anywhere(f"https://127.0.0.1:{server.port}/", seconds=0.2)
