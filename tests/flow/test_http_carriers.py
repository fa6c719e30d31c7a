"""Campaigns whose carrier speaks HTTP: they go, they wait where they cannot, and a rehearsal sends nothing."""

from __future__ import annotations

import sys

import pytest

from crmcore import CRM
from crmcore.loader import installed
from crmcore.model.building import everyone
from crmcore.model.campaign import Campaign
from crmcore.testing.http_carrier import HttpCarrier
from crmcore.testing.http_sink import HttpSink
from crmcore.testing.watching import no_sockets

HELLO = Campaign(name="hello", purpose="service", audience=everyone(), channel="note", template="hello")


@pytest.fixture
def sink():
    with HttpSink() as sink:
        yield sink


@pytest.fixture
def crm(tmp_path, sink, clock):
    carrier = {"http": HttpCarrier(sink.host, sink.port)}
    with CRM(str(tmp_path / "crm.db"), clock=clock, plugins=carrier, blocked=installed()) as crm:
        for name in ("ann", "bob"):
            crm.identify(name, attributes={"email": f"{name}@example.com", "name": name})
        crm.save_template("hello", "note", {"text": "Hello {{ customer.name }}"})
        yield crm


def test_a_campaign_goes_over_http(crm, sink):
    crm.launch(HELLO)
    assert crm.work().sent == 2
    assert sorted(one.body for one in sink.posts) == [b"Hello ann", b"Hello bob"]


def test_where_the_extra_is_missing_the_campaign_waits_and_says_what_to_install(crm, clock, monkeypatch):
    for module in ("one", "pipe"):
        monkeypatch.delitem(sys.modules, f"crmcore.http.{module}", raising=False)
    monkeypatch.setitem(sys.modules, "aiohttp.http", None)
    crm.launch(HELLO)
    worked = crm.work()
    assert (worked.sent, [one.campaign for one in worked.waiting]) == (0, ["hello"])
    assert 'pip install "crmcore[http]"' in worked.waiting[0].problem
    monkeypatch.undo()
    clock.turn("1h")
    assert crm.work().sent == 2


def test_a_simulation_sends_nothing(crm, sink):
    with no_sockets():
        assert crm.simulate(HELLO, days=1)
    assert sink.posts == []
