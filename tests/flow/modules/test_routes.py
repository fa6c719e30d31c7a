"""Routes of modules are answered by the ASGI application, each module apart: none keeps another, or a webhook, waiting."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from crmcore import answering
from crmcore.hooks.module import Route
from crmcore.hooks.provider import HttpResponse
from crmcore.migrations import modules
from crmcore.webhooks import MOST_BYTES, app
from tests.flow.modules.wallet import Wallet, coins, give
from tests.flow.test_webhooks import serving


def give_one(request, in_tables):
    in_tables(lambda tables: give(tables, int(request.query["to"]), tables.now, request.body.decode()))
    return HttpResponse(status=201, headers={"X-Given": "one"})


def show(request, in_tables):
    found = in_tables(lambda tables: [one.note for one in coins(tables, 7)])
    return HttpResponse(status=200, headers={"content-type": "text/plain"}, body=",".join(found).encode())


def fail(request, in_tables):
    raise RuntimeError("the secret is 12345")


def raises(error):
    def answer(request, in_tables):
        raise error

    return answer


def write_and_fail(request, in_tables):
    def act(tables):
        give(tables, 7, 5, "lost")
        raise RuntimeError

    in_tables(act)


def answers(answer):
    return lambda request, in_tables: answer


ROUTES = [
    Route(method="POST", path="/coins", answer=give_one),
    Route(method="GET", path="/coins", answer=show),
    Route(method="GET", path="/deep/er", answer=show),
    Route(method="POST", path="/fail", answer=fail),
    Route(method="POST", path="/write_and_fail", answer=write_and_fail),
    Route(method="GET", path="/end", answer=raises(SystemExit(3))),
    Route(method="GET", path="/stop", answer=raises(StopIteration())),
    Route(method="GET", path="/late", answer=raises(TimeoutError())),
    Route(method="GET", path="/none", answer=answers(None)),
    Route(method="GET", path="/text", answer=answers(HttpResponse(status=200, body="text"))),
    Route(method="GET", path="/status", answer=answers(HttpResponse(status=99))),
    Route(method="GET", path="/header", answer=answers(HttpResponse(status=200, headers={"a": "b\r\nc: d"}))),
    Route(method="GET", path="/letter", answer=answers(HttpResponse(status=200, headers={"a": "\u20ac"}))),
]


@pytest.fixture
def wallet():
    return Wallet(routes=ROUTES)


@pytest.fixture
def client(crm):
    with serving(app(crm)) as client:
        yield client


def ask(client, method, path, body=b"", headers=()):
    return client.ask(method, f"/modules/wallet{path}", body, headers)


def test_a_route_is_answered_by_its_module_through_its_tables(client):
    made = ask(client, "POST", "/coins?to=7", b"welcome")
    assert (made.status, made.headers["x-given"], made.text) == (201, "one", "")
    shown = ask(client, "GET", "/coins")
    assert (shown.status, shown.headers["content-type"], shown.text) == (200, "text/plain", "welcome")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nope", 404),
        ("GET", "", 404),
        ("GET", "/", 404),
        ("GET", "/coins/", 404),
        ("GET", "/deep", 404),
        ("GET", "/deep/er", 200),
        ("DELETE", "/coins", 405),
        ("GET", "/fail", 405),
    ],
)
def test_path_and_method_have_to_be_those_of_a_route(client, method, path, status):
    assert ask(client, method, path).status == status


def test_which_methods_a_path_has_is_said(client):
    assert ask(client, "PUT", "/coins").headers["allow"] == "GET, POST"


@pytest.mark.parametrize("path", ["/modules", "/modules/", "/modules/other/coins", "/modules//coins"])
def test_a_module_that_is_not_there_is_not_found(client, path):
    assert client.ask("GET", path).status == 404


def test_a_module_that_fails_is_answered_500_and_says_nothing_of_why(client, caplog):
    answer = ask(client, "POST", "/fail")
    assert (answer.status, answer.text) == (500, "")
    assert "module wallet failed on POST /fail: RuntimeError" in caplog.text
    assert "12345" not in caplog.text


@pytest.mark.parametrize("path", ["/end", "/stop", "/late"])
def test_whatever_it_raises_is_answered_at_once(client, monkeypatch, path):
    monkeypatch.setattr(answering, "SECONDS", 300)
    assert ask(client, "GET", path).status == 500


def test_what_it_wrote_in_a_transaction_that_failed_is_gone(client, crm):
    assert ask(client, "POST", "/write_and_fail").status == 500
    assert crm.in_tables(lambda tables: coins(tables, 7)) == []


@pytest.mark.parametrize("path", ["/none", "/text", "/status", "/header", "/letter"])
def test_what_is_no_answer_is_500(client, path):
    answer = ask(client, "GET", path)
    assert (answer.status, answer.headers.get("c")) == (500, None)


def test_a_body_that_is_too_long_is_refused(client, crm):
    assert ask(client, "POST", "/coins?to=7", b"x" * (MOST_BYTES + 1)).status == 413
    assert crm.in_tables(lambda tables: coins(tables, 7)) == []


class Hanging:
    """An answer that comes once it is let go."""

    def __init__(self):
        self.go_on, self.begun = threading.Event(), threading.Semaphore(0)

    def __call__(self, request, in_tables):
        self.begun.release()
        assert self.go_on.wait(60)
        return HttpResponse(status=200)


@pytest.fixture
def hanging(engine, opening):
    """A client of two modules, one of which has a route that hangs."""
    hang = Hanging()
    bad, good = Wallet(schema=None, routes=[Route(method="GET", path="/hang", answer=hang)]), Wallet(routes=ROUTES)
    bad.name = "bad"
    modules.upgrade(engine, good)
    with serving(app(opening(bad, good))) as client:
        yield client, hang
        hang.go_on.set()


def test_an_answer_that_does_not_come_is_504(hanging, monkeypatch):
    monkeypatch.setattr(answering, "SECONDS", 0.05)
    client, _ = hanging
    answer = client.ask("GET", "/modules/bad/hang")
    assert (answer.status, answer.text) == (504, "")


def test_a_module_that_hangs_takes_nobody_elses_place(hanging):
    client, hang = hanging
    with ThreadPoolExecutor(answering.AT_ONCE) as callers:
        asked = [callers.submit(client.ask, "GET", "/modules/bad/hang") for _ in range(answering.AT_ONCE)]
        for _ in asked:
            assert hang.begun.acquire(timeout=20)
        assert client.ask("GET", "/modules/bad/hang").status == 503
        assert ask(client, "GET", "/coins").status == 200
        assert client.ask("GET", "/unsubscribe/nothing").status == 404
        hang.go_on.set()
        assert {one.result().status for one in asked} == {200}
    assert client.ask("GET", "/modules/bad/hang").status == 200
