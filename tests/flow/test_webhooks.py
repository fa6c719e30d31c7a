"""The ASGI application that takes webhooks: over a real server, and mounted in applications of others."""

from __future__ import annotations

import asyncio
import http.client
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
import uvicorn
from sqlalchemy.exc import OperationalError
from starlette.applications import Starlette
from starlette.routing import Mount

from crmcore import CRM, webhooks
from crmcore.loader import installed
from crmcore.testing.postbox import SIGNATURE, Postbox, posted
from crmcore.testing.watching import eventually
from crmcore.webhooks import app
from tests.flow.test_campaign import made, people

PLACE = "/note/recorder"


@pytest.fixture
def crm(new_database, clock):
    settings = {"public_url": "https://shop.example/crm"}
    with CRM(
        new_database("crm.db"), clock=clock, plugins={"recorder": Postbox()}, blocked=installed(), **settings
    ) as crm:
        yield crm


class Client:
    """A client of a server on loopback; each request has a connection of its own."""

    def __init__(self, port: int) -> None:
        self._port = port

    def ask(self, method: str, path: str, body: bytes = b"", headers=()) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        connection.request(method, path, body, dict(headers))
        answer = connection.getresponse()
        answer.text = answer.read().decode()
        connection.close()
        return answer

    def post(self, path: str = PLACE, **said) -> int:
        request = posted(**said)
        return self.ask("POST", path, request.body, request.headers).status


@contextmanager
def serving(application) -> Iterator[Client]:
    server = uvicorn.Server(uvicorn.Config(application, host="127.0.0.1", port=0, log_level="error", ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    assert eventually(lambda: server.started, 10)
    try:
        yield Client(server.servers[0].sockets[0].getsockname()[1])
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture
def client(crm):
    with serving(app(crm)) as client:
        yield client


def sent(crm, count=1):
    people(crm, count)
    crm.launch(made())
    crm.work()
    return crm.deliveries("hello")


def read(crm, one):
    return {"key": f"read {one.id}", "type": "read", "at": crm.now(), "delivery_id": one.id}


def test_a_webhook_is_answered_once_it_is_committed(crm, client):
    [one] = sent(crm)
    assert client.post(feedback=[read(crm, one)]) == 200
    assert [each.state for each in crm.deliveries("hello")] == ["read"]


def test_a_wrong_signature_is_refused(crm, client):
    [one] = sent(crm)
    answer = client.ask("POST", PLACE, posted(feedback=[read(crm, one)]).body, {SIGNATURE: "sha256=00"})
    assert answer.status == 401
    assert [each.state for each in crm.deliveries("hello")] == ["accepted"]


def test_a_carrier_that_verifies_the_address_gets_its_challenge(client):
    assert client.ask("GET", f"{PLACE}?challenge=a%20b&x").text == "a b"


@pytest.mark.parametrize(
    "path", ["/", "/note", "/note/nobody", "/nothing/recorder", "/note/recorder/more", "/unsubscribe/x"]
)
def test_what_is_not_there_is_not_found(client, path):
    assert client.post(path) == 404


@pytest.mark.parametrize("method", ["HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_other_methods_are_not_allowed(client, method):
    answer = client.ask(method, PLACE)
    assert (answer.status, answer.headers["allow"]) == (405, "GET, POST")


def chunks(count):
    yield from (b"x" * 65_536 for _ in range(count))


def test_a_body_that_is_too_large_is_refused_whether_it_says_so_or_not(client):
    assert client.ask("POST", PLACE, b"x" * (webhooks.MOST_BYTES + 1)).status == 413
    assert client.ask("POST", PLACE, chunks(32)).status == 413
    assert client.post() == 200


def test_a_body_of_an_absurd_length_is_refused(crm):
    async def whole():
        return {"type": "http.request", "body": b""}

    assert asked(app(crm), whole, (b"content-length", b"9" * 5_000))["status"] == 413


def test_a_body_that_does_not_come_is_not_waited_for(crm, monkeypatch):
    monkeypatch.setattr(webhooks, "MOST_SECONDS", 0.01)

    async def never():
        await asyncio.sleep(60)

    assert asked(app(crm), never)["status"] == 408


def test_whoever_hangs_up_is_not_taken(crm):
    async def gone():
        return {"type": "http.disconnect"}

    assert asked(app(crm), gone)["status"] == 400


def asked(application, receive, *headers, path=PLACE):
    return asyncio.run(answered(application, receive, *headers, path=path))


async def answered(application, receive, *headers, path=PLACE):
    said = []

    async def send(message):
        said.append(message)

    scope = {"type": "http", "method": "POST", "path": path, "headers": headers, "query_string": b""}
    await application(scope, receive, send)
    return said[0]


def test_webhooks_that_come_while_a_transaction_is_under_way_go_together_into_the_next(crm, client, monkeypatch):
    rows = sent(crm, 30)
    together, receive_many, goes = [], crm.receive_many, threading.Event()

    def counted(channel, provider, requests):
        together.append(len(requests))
        goes.wait(10)
        return receive_many(channel, provider, requests)

    monkeypatch.setattr(crm, "receive_many", counted)
    with ThreadPoolExecutor(30) as pool:
        answers = [pool.submit(client.post, feedback=[read(crm, one)]) for one in rows]
        assert eventually(lambda: together, 10)
        asyncio.run(asyncio.sleep(0.3))  # the others come in meanwhile
        goes.set()
        assert {one.result() for one in answers} == {200}
    assert sum(together) == 30
    assert len(together) < 30
    assert {each.state for each in crm.deliveries("hello")} == {"read"}


def test_where_the_database_is_away_webhooks_are_to_come_again(crm, client, monkeypatch, caplog):
    def away(*_):
        raise OperationalError("a secret", {}, Exception("another"))

    monkeypatch.setattr(crm, "receive_many", away)
    assert client.post() == 503
    assert "OperationalError" in caplog.text
    assert "secret" not in caplog.text
    monkeypatch.undo()


def test_where_too_many_wait_more_are_to_come_later(crm, client, monkeypatch):
    monkeypatch.setattr(webhooks, "MOST_WAITING", 0)
    assert client.post() == 503


def test_bodies_that_are_held_at_once_have_a_bound(crm, monkeypatch):
    """Whoever has no key may send as much: it is not held, and what has a key comes again."""
    monkeypatch.setattr(webhooks, "MOST_HELD", 1_000)

    async def whole():
        return {"type": "http.request", "body": b"x" * 600}

    async def at_once():
        application, halfway, goes = app(crm), asyncio.Event(), asyncio.Event()
        parts = iter([{"type": "http.request", "body": b"x" * 600, "more_body": True}])

        async def slow():
            if (part := next(parts, None)) is not None:
                return part
            halfway.set()
            await goes.wait()
            return {"type": "http.request"}

        first = asyncio.create_task(answered(application, slow))
        await halfway.wait()
        over = await answered(application, whole)
        goes.set()
        return over, await first, await answered(application, whole)

    over, first, later = asyncio.run(at_once())
    assert (over["status"], dict(over["headers"])[b"retry-after"]) == (503, b"5")
    assert (first["status"], later["status"]) == (401, 401)


def test_a_crm_that_is_closed_takes_nothing_more(crm):
    application = app(crm)

    async def whole():
        return {"type": "http.request", "body": b""}

    crm.close()
    assert crm.is_closed
    for path in (PLACE, "/unsubscribe/TOKEN"):
        assert asked(application, whole, path=path)["status"] == 503


@contextmanager
def mounted(crm, framework):
    if framework == "starlette":
        application = Starlette(routes=[Mount("/crm", app(crm))])
    else:
        fastapi = pytest.importorskip("fastapi")
        application = fastapi.FastAPI()
        application.mount("/crm", app(crm))
    with serving(application) as client:
        yield client


@pytest.mark.parametrize("framework", ["starlette", "fastapi"])
def test_it_can_be_mounted(crm, framework):
    [one] = sent(crm)
    with mounted(crm, framework) as client:
        assert client.post(f"/crm{PLACE}", feedback=[read(crm, one)]) == 200
        assert client.post("/crm/note/nobody") == 404
    assert [each.state for each in crm.deliveries("hello")] == ["read"]


def test_what_is_awaited_is_served_as_well(crm):
    class Awaited:
        sync = crm

    [one] = sent(crm)
    with serving(app(Awaited())) as client:
        assert client.post(PLACE, feedback=[read(crm, one)]) == 200
    assert [each.state for each in crm.deliveries("hello")] == ["read"]


def test_the_link_asks_on_get_and_unsubscribes_on_post(crm):
    sent(crm)
    link = crm.registry.providers["note/recorder"].sent[0].body.decode().split()[-1]
    assert link.startswith("https://shop.example/crm/unsubscribe/")
    path = link.removeprefix("https://shop.example")
    with mounted(crm, "starlette") as client:
        page = client.ask("GET", path)
        assert (page.status, '<form method="post">' in page.text) == (200, True)
        assert page.headers["referrer-policy"] == "no-referrer"
        assert crm.report("hello").unsubscribed == 0
        assert client.ask("HEAD", path).status == 405
        assert client.ask("POST", path, b"List-Unsubscribe=One-Click").status == 200
        assert crm.report("hello").unsubscribed == 1
        assert client.ask("GET", path[:-2]).status == 404
