"""Notices reach the address in order, signed, at least once: also where it fails, hangs, or was away."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

import crm_relay
from crm_relay.posting import Post, send
from crm_relay.settings import KINDS, RelaySettings, relay_settings
from crmcore import CRM
from crmcore.errors import SettingsError
from crmcore.hooks.setup import Setup
from crmcore.loader import installed
from crmcore.model.time import PinnedClock, TurnedClock

SECRET = "hush"


class Address(ThreadingHTTPServer):
    """Keeps what it is posted, and answers as it is told."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Taking)
        self.posted, self.statuses, self.hangs = [], [], threading.Event()
        self.is_hanging = False

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/crm?from=shop"


class Taking(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.server.is_hanging:
            self.server.hangs.wait(20)
            return
        status = self.server.statuses.pop(0) if self.server.statuses else 204
        self.server.posted.append((status, self.path, dict(self.headers), body))
        self.send_response(status)
        self.end_headers()

    def log_message(self, *_):
        """Nothing: the test knows."""


@pytest.fixture
def address():
    with Address() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.hangs.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def clock():
    return TurnedClock(1_780_000_000_000_000)


@pytest.fixture
def crm(tmp_path, address, clock, monkeypatch):
    monkeypatch.setenv("RELAY_SECRET", SECRET)
    config = tmp_path / "crm.toml"
    config.write_text(
        f'[modules.relay]\nurl = "{address.url}"\nsecret = "env:RELAY_SECRET"\nseconds = 0.5\nbatch = 2\n'
    )
    plugins = {"crm_relay": crm_relay}
    with CRM(str(tmp_path / "crm.db"), clock=clock, plugins=plugins, blocked=installed(), config=config) as crm:
        yield crm


def taken(address):
    bodies = [json.loads(body) for status, _, _, body in address.posted if status < 300]
    return [(one["kind"], one["notice"]) for body in bodies for one in body["notices"]]


def events(address):
    return [notice["name"] for kind, notice in taken(address) if kind == "event_tracked"]


def test_what_happens_is_posted_in_order(crm, address, clock):
    for name in ("product_viewed", "cart_updated", "order_placed"):
        crm.track(name, "ada")
    crm.work()
    clock.turn("10s")
    crm.work()
    assert events(address) == ["product_viewed", "cart_updated", "order_placed"]
    assert address.posted[0][1] == "/crm?from=shop"


def test_what_is_posted_is_signed(crm, address, clock):
    crm.track("order_placed", "ada")
    crm.work()
    clock.turn("10s")
    crm.work()
    for _, _, headers, body in address.posted:
        named = {key.lower(): value for key, value in headers.items()}
        signed = f"{named['webhook-id']}.{named['webhook-timestamp']}.".encode() + body
        wanted = base64.b64encode(hmac.new(SECRET.encode(), signed, hashlib.sha256).digest()).decode()
        assert named["webhook-signature"] == f"v1,{wanted}"
    assert address.posted


def test_an_address_that_fails_gets_everything_afterwards_in_order(crm, address, clock):
    address.statuses = [204, 500, 503]
    for number in range(5):
        crm.track(f"step_{number}", "ada")
    crm.work()
    for _ in range(4):
        clock.turn("1h")
        crm.work()
    assert events(address) == [f"step_{number}" for number in range(5)]
    assert [status for status, *_ in address.posted].count(500) == 1


def test_an_address_that_fails_is_left_alone_for_a_while(crm, address, clock):
    address.statuses = [500] * 20
    crm.track("order_placed", "ada")
    crm.work()
    for _ in range(3):
        clock.turn("6s")
        crm.work()
    assert len(address.posted) < 4


def test_an_address_that_hangs_is_hung_up_on(address):
    address.is_hanging = True
    settings = RelaySettings(url=address.url, secret="env:X", seconds=0.2)
    assert send(settings, Post(headers={}, body=b"{}")).startswith(("TimeoutError", "RemoteDisconnected"))


def test_a_redirect_is_not_followed_and_is_no_success(crm, address, clock):
    address.statuses = [302]
    crm.track("order_placed", "ada")
    crm.work()
    clock.turn("10s")
    crm.work()
    assert [status for status, *_ in address.posted][:1] == [302]
    clock.turn("1h")
    crm.work()
    assert events(address) == ["order_placed"]


def test_where_the_settings_do_not_name_it_nothing_is_kept_for_it(tmp_path):
    with CRM(str(tmp_path / "crm.db"), plugins={"crm_relay": crm_relay}, blocked=installed()) as crm:
        assert (dict(crm.registry.modules), dict(crm.registry.listeners)) == ({}, {})


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"url": "ftp://x"}, "modules.relay.url"),
        ({"url": "https://x"}, "modules.relay.secret"),
        ({}, "modules.relay.url"),
        ({"urls": "https://x"}, "modules.relay.urls"),
        ({"kinds": ["orders"]}, "no notice 'orders'"),
        ({"url": "https://x", "secret": "env:X", "seconds": 0}, "more than 0"),
        ({"batch": "many"}, "wrong type"),
    ],
)
def test_a_setting_that_is_wrong_is_named(given, said):
    with pytest.raises(SettingsError, match=said):
        relay_settings(Setup(clock=PinnedClock(0), settings={"modules": {"relay": given}}))


def test_every_notice_hook_is_relayed():
    assert set(KINDS) == {name for name in vars(crm_relay) if name in KINDS}
