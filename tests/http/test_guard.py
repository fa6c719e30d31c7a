"""Addresses that come from users are looked at, and that very place is called."""

from __future__ import annotations

import socket

import pytest

from crmcore.hooks.provider import Permanent
from crmcore.testing.http_sink import HttpSink
from tests.http.posting import Poster, kinds, opened, send
from tests.http.relays import Proxy
from tests.http.two_sink import TwoSink

SPEAKING = [(HttpSink, "http/1.1"), (TwoSink, "h2")]


def guarded(where, protocol):
    provider = Poster(where, protocol=protocol)
    provider.more = {"is_guarded": True}
    return provider


@pytest.mark.parametrize(("kind", "protocol"), SPEAKING)
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "127.1", "2130706433"])
def test_what_leads_inside_is_not_called(kind, protocol, host):
    with kind() as sink, opened(guarded(f"http://{host}:{sink.port}/messages", protocol), timeout=5) as session:
        [result] = send(session, 1)
    assert isinstance(result, Permanent)
    assert result.fault == "address"
    assert sink.posts == []


@pytest.mark.parametrize(("kind", "protocol"), SPEAKING)
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_where_that_is_allowed_it_is(kind, protocol, host):
    provider = guarded(f"http://{host}:{{}}/messages", protocol)
    with kind() as sink, opened(provider, allow_private=True, timeout=5) as session:
        provider._url = provider._url.format(sink.port)
        assert kinds(send(session, 1)) == ["Accepted"]


@pytest.mark.parametrize("protocol", ["http/1.1", "h2"])
def test_addresses_of_links_are_never_called(protocol):
    with opened(guarded("http://169.254.169.254/latest", protocol), allow_private=True) as session:
        assert kinds(send(session, 1)) == ["Permanent"]


@pytest.mark.parametrize("protocol", ["http/1.1", "h2"])
def test_a_name_is_looked_up_once(monkeypatch, protocol):
    """Whoever answers differently the second time is not asked a second time."""
    asked, called = [], []

    def answer(host, *_):
        asked.append(host)
        place = "203.0.113.7" if len(asked) > 1 else "8.8.8.8"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (place, 80))]

    async def connect(_loop, _socket, place):
        called.append(place[0])
        raise OSError("unreachable")

    monkeypatch.setattr("crmcore.http.looking_up.getaddrinfo", answer)
    monkeypatch.setattr("asyncio.selector_events.BaseSelectorEventLoop.sock_connect", connect)
    with opened(guarded("http://rebinding.example/messages", protocol)) as session:
        assert kinds(send(session, 1)) == ["NotStarted"]
    assert asked == ["rebinding.example"]
    assert called == ["8.8.8.8"]


@pytest.mark.parametrize("protocol", ["http/1.1", "h2"])
def test_a_proxy_is_told_the_address_that_was_looked_at(monkeypatch, protocol):
    place = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("8.8.8.8", 443))
    inside = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.1", 443))
    known = {"out.example": [place], "in.example": [inside]}
    monkeypatch.setattr("crmcore.http.looking_up.getaddrinfo", lambda host, *_: known[host])
    with Proxy() as proxy:
        settings = {"proxy": f"http://127.0.0.1:{proxy.port}", "timeout": 5}
        monkeypatch.setitem(known, "127.0.0.1", [(*place[:4], ("127.0.0.1", proxy.port))])
        with opened(guarded("https://out.example/messages", protocol), **settings) as session:
            assert kinds(send(session, 1)) == ["NotStarted"]
        with opened(guarded("https://in.example/messages", protocol), **settings) as session:
            assert kinds(send(session, 1)) == ["Permanent"]
    assert [one.partition("\r\n")[0] for one in proxy.heads] == ["CONNECT 8.8.8.8:443 HTTP/1.1"]
