"""Faults come where they are asked for, over HTTP/1.1 and HTTP/2 alike, and touch nobody else."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from functools import partial

import httpx
import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import ConnectionTerminated, DataReceived, ResponseReceived, StreamEnded, StreamReset
from h2.exceptions import ProtocolError

from crmcore.hooks.provider import HttpResponse
from crmcore.testing.counterpart import Trouble
from crmcore.testing.standins.app import StandIns
from crmcore.testing.standins.certificates import authority
from crmcore.testing.standins.counterparts import STEPS, counterpart
from crmcore.testing.standins.faults import Drop, Garbage, Silence
from crmcore.testing.standins.serving import served
from crmcore.testing.standins.webpush import PushService
from crmcore.testing.watching import eventually

#: Seconds: how long what is silent is waited for, and anything else.
SHORT, LONG = 0.15, 5.0
ANNA, BEN = "anna", "ben"
HEADERS = {"ttl": "60"}


def service():
    return PushService(needs_vapid=False, needs_subscription=False)


@pytest.fixture(scope="module")
def trusted():
    with authority() as made:
        yield made


@pytest.fixture(params=["http/1.1", "h2"])
def serve(request, trusted):
    """Serve an application over each protocol, with TLS where it is usual."""
    return served if request.param == "http/1.1" else partial(served, protocol="h2", authority=trusted)


def ended(server, trusted, name, limit=LONG):
    """Push to a name; tell the status, or how else that ended."""
    post = over_h2 if server.protocol == "h2" else over_http11
    return post(server, trusted, name, limit)


def over_http11(server, trusted, name, limit=LONG):
    """A limit for all of it: what drips is never silent for long."""
    try:
        return asyncio.run(asyncio.wait_for(posted(server, trusted, name), limit))
    except TimeoutError:
        return "silence"
    except httpx.TransportError:
        return "broken"


async def posted(server, trusted, name):
    verify = trusted.client_context() if server.url.startswith("https") else False
    async with httpx.AsyncClient(verify=verify, timeout=None) as client:
        return (await client.post(f"{server.url}/push/{name}", content=b"", headers=HEADERS)).status_code


def over_h2(server, trusted, name, limit):
    try:
        with Peer(server, trusted, limit) as peer:
            return peer.pushed(name)[0]
    except TimeoutError:
        return "silence"
    except (OSError, ProtocolError, EOFError):
        return "broken"


class Peer:
    """A client of HTTP/2 that does no more than is asked of it."""

    def __init__(self, server, trusted, limit=LONG):
        plain = socket.create_connection((server.host, server.port), timeout=limit)
        self.socket = trusted.client_context("h2").wrap_socket(plain, server_hostname="localhost")
        assert self.socket.selected_alpn_protocol() == "h2"
        self.h2 = H2Connection(H2Configuration(header_encoding="utf-8"))
        self.h2.initiate_connection()
        self.events = []
        self.deadline = time.monotonic() + limit
        self.flush()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.socket.close()

    def flush(self):
        self.socket.sendall(self.h2.data_to_send())

    def begin(self, name):
        number = self.h2.get_next_available_stream_id()
        head = {":method": "POST", ":scheme": "https", ":authority": "localhost", ":path": f"/push/{name}", **HEADERS}
        self.h2.send_headers(number, list(head.items()), end_stream=True)
        self.flush()
        return number

    def until(self, *kinds, number=None):
        while True:
            for event in self.events:
                if isinstance(event, kinds) and number in (None, getattr(event, "stream_id", None)):
                    return event
            if time.monotonic() > self.deadline:
                raise TimeoutError
            data = self.socket.recv(65536)
            if not data:
                raise EOFError
            self.events += self.h2.receive_data(data)
            self.flush()

    def pushed(self, name):
        number = self.begin(name)
        end = self.until(StreamEnded, StreamReset, number=number)
        if isinstance(end, StreamReset):
            return "broken", None
        head = next(e for e in self.events if isinstance(e, ResponseReceived) and e.stream_id == number)
        return int(dict(head.headers)[":status"]), number


def script(stage, fault, address=None):
    return lambda at, whom: fault if at == stage and address in (None, whom) else None


STAGES = ["connect", "request", "body", "taken"]


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize(
    ("fault", "how"),
    [
        (Drop(), {"broken"}),
        (Silence(), {"silence"}),
        (Silence(drip=0.02), {"silence", "broken"}),
        (Garbage(), {"broken", 999}),
    ],
    ids=["drop", "silence", "drip", "garbage"],
)
def test_a_fault_comes_at_its_stage_and_only_after_it_a_message_is_taken(serve, trusted, stage, fault, how):
    push = service()
    app = StandIns(push, script=script(stage, fault))
    with serve(app) as server:
        assert ended(server, trusted, ANNA, SHORT if isinstance(fault, Silence) else LONG) in how
        assert eventually(lambda: len(push.pushes) == (stage == "taken"))
        app.recover()
        assert ended(server, trusted, ANNA) == 201


@pytest.mark.parametrize("stage", ["request", "body"])
def test_any_answer_can_be_given_instead(serve, trusted, stage):
    push = service()
    with serve(StandIns(push, script=script(stage, HttpResponse(status=503)))) as server:
        assert ended(server, trusted, ANNA) == 503
    assert push.pushes == []


def test_one_address_in_trouble_leaves_the_others_alone(serve, trusted):
    push = service()
    with serve(StandIns(push, script=script("body", Drop(), ANNA))) as server:
        assert [ended(server, trusted, name) for name in (ANNA, BEN)] == ["broken", 201]
    assert [one.subscription for one in push.pushes] == [BEN]


def test_a_server_that_is_closed_refuses(serve, trusted):
    with serve(StandIns(service())) as server:
        server.close()
        assert ended(server, trusted, ANNA) == "broken"


def test_a_path_of_nobody_is_not_found():
    with served(StandIns(service())) as server, httpx.Client() as client:
        assert client.post(f"{server.url}/elsewhere").status_code == 404


def test_a_stream_that_is_dropped_leaves_the_others_of_its_connection(trusted):
    app = StandIns(service(), script=script("body", Drop(), ANNA))
    with served(app, protocol="h2", authority=trusted) as server, Peer(server, trusted) as peer:
        assert [peer.pushed(name)[0] for name in (ANNA, BEN)] == ["broken", 201]
        assert server.connections == 1


def test_who_is_told_to_go_away_has_what_is_under_way_answered(trusted):
    """RFC 9113, 6.8; the reason is in the frame, as APNs has it."""
    app = StandIns(service(), script=script("body", Silence(), ANNA))
    with served(app, protocol="h2", authority=trusted) as server, Peer(server, trusted) as peer:
        under_way = peer.begin(ANNA)
        assert peer.pushed(BEN)[0] == 201
        server.go_away()
        told = peer.until(ConnectionTerminated)
        assert (told.last_stream_id, json.loads(told.additional_data)) == (under_way + 2, {"reason": "Shutdown"})


def test_an_answer_larger_than_the_window_waits_for_it(trusted):
    long = HttpResponse(status=200, body=b"x" * 200_000)
    app = StandIns(service(), script=script("body", long))
    with served(app, protocol="h2", authority=trusted) as server, Peer(server, trusted) as peer:
        number = peer.begin(ANNA)
        got = 0
        while got < len(long.body):
            event = peer.until(DataReceived, number=number)
            peer.events.remove(event)
            got += len(event.data)
            peer.h2.acknowledge_received_data(event.flow_controlled_length, number)
            peer.flush()
        assert got == len(long.body)


def test_http11_goes_over_tls_too(trusted):
    with served(StandIns(service()), authority=trusted) as server:
        assert over_http11(server, trusted, ANNA) == 201


def test_nobody_trusts_it_who_does_not_know_its_authority(trusted):
    refused = pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED")
    with served(StandIns(service()), authority=trusted) as server, httpx.Client() as client, refused:
        client.post(f"{server.url}/push/{ANNA}")


@pytest.mark.parametrize(("step", "kind"), [(one.name, kind) for one in STEPS for kind in sorted(one.kinds)])
def test_a_counterpart_is_in_each_trouble_of_its_steps_and_recovers(trusted, step, kind):
    push = service()
    trouble = Trouble(step, kind, ANNA if step in ("body", "taken") else None)
    with counterpart(push, trouble=trouble, taken=lambda: list(push.pushes)) as made:
        limit = SHORT if kind in ("silence", "drip") else LONG
        assert over_http11(made.place, trusted, ANNA, limit) in {"broken", "silence", 503, 413}
        assert eventually(lambda: len(made.taken()) == (step == "taken"))
        if kind != "refused":
            made.recover()
            made.forget()
            assert over_http11(made.place, trusted, ANNA) == 201
            assert (len(made.taken()), made.offered()) == (1, [ANNA])
