"""examples/django_shop and examples/flask_shop, as their READMEs start them."""

from __future__ import annotations

import pytest

from tests.examples.ordering import blocks, known, many_at_once, opened, order


@pytest.fixture(scope="module", params=["django_shop", "flask_shop"])
def client(request, tmp_path_factory):
    with opened(request.param, tmp_path_factory.mktemp("shop")) as client:
        yield client


def test_an_order_that_is_placed_is_in_the_crm(client):
    assert order(client, "ada@example.com", "tea", 2) == 201
    assert known(client, "ada@example.com") == {
        "item_ordered": {"amount": 900, "count": 1},
        "order_placed": {"amount": 900, "count": 1},
    }


def test_an_order_that_is_refused_is_nowhere(client):
    assert order(client, "bob@example.com", "cup", 9) == 409
    assert client.get("/customers/bob@example.com").status_code == 404
    assert client.get("/").json()["cup"]["stock"] == 3


def test_an_order_that_makes_no_sense_is_refused(client):
    assert order(client, "bob@example.com", "cup", 0) == 400
    assert order(client, "bob@example.com", "saucer") == 400
    assert order(client, "nobody", "tea") == 400


def test_orders_that_come_at_once_arrive_exactly_once(client):
    before = client.get("/").json()["tea"]["stock"]
    assert set(many_at_once(client)) == {201}
    assert known(client, "crowd@example.com")["order_placed"] == {"amount": 40 * 450, "count": 40}
    assert client.get("/").json()["tea"]["stock"] == before - 40


def test_django_runs_under_a_preloaded_gunicorn_too(tmp_path):
    [server] = blocks("django_shop")[2]
    with opened("django_shop", tmp_path, server) as client:
        assert set(many_at_once(client)) == {201}
        assert known(client, "crowd@example.com")["order_placed"] == {"amount": 40 * 450, "count": 40}
