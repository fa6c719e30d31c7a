"""The FastAPI shop, started as its README says: what it sells is in the CRM, what it refuses is not."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from crmcore import CRM
from tests.examples.running import free_port, serving

EXAMPLES = Path(__file__).parents[2] / "examples"
ADA = {"name": "Ada", "email": "ada@example.com", "city": "Bandung", "newsletter": True}


def commands():
    """The commands of the README that run the shop's own modules."""
    lines = re.findall(r"(?m)^\S*python (-m .+)$", (EXAMPLES / "fastapi_shop" / "README.md").read_text())
    return [[sys.executable, *shlex.split(line)] for line in lines if "fastapi_shop" in line]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("shop")


@pytest.fixture(scope="module")
def shop(folder):
    """A client of the running shop; all tests of this file go to the same one, each as customers of its own."""
    prepare, serve = commands()
    paths = os.pathsep.join(filter(None, [str(EXAMPLES), os.environ.get("PYTHONPATH")]))
    environment = {"SHOP_DATABASE": str(folder / "shop.db"), "PYTHONPATH": paths}
    subprocess.run(prepare, cwd=folder, env={**os.environ, **environment}, check=True, timeout=60)
    url = f"http://127.0.0.1:{(port := free_port())}"
    with (
        serving([*serve, "--port", str(port)], folder, f"{url}/health", environment),
        httpx.Client(base_url=url, timeout=60) as client,
    ):
        yield client


def registered(shop, name):
    answer = shop.post("/customers", json={**ADA, "name": name, "email": f"{name}@example.com"})
    assert answer.status_code == 201
    return answer.json()["id"]


def known(shop, customer):
    return shop.get(f"/customers/{customer}/known").raise_for_status().json()


def left(shop):
    return {one["sku"]: one["stock"] for one in shop.get("/products").raise_for_status().json()}


def order(shop, customer, **items):
    wanted = {sku.replace("_", "-"): quantity for sku, quantity in items.items()}
    return shop.post("/orders", json={"customer": customer, "items": wanted})


def test_who_registers_is_known_with_consent(shop):
    found = known(shop, registered(shop, "grace"))
    assert found["attributes"] == {"name": "grace", "email": "grace@example.com", "city": "Bandung"}
    assert found["consents"] == {"newsletter": True}
    assert found["sums"] == {}


def test_an_order_is_known_with_its_lines(shop):
    customer, before = registered(shop, "joan"), left(shop)
    answer = order(shop, customer, tea_green=2, tea_black=1)
    assert (answer.status_code, answer.json()["total"]) == (201, 2 * 790 + 690)
    assert known(shop, customer)["sums"] == {
        "item_ordered": {"count": 2, "amount": 2 * 790 + 690},
        "order_placed": {"count": 1, "amount": 2 * 790 + 690},
    }
    assert {line["order"] for line in known(shop, customer)["timeline"]} == {str(answer.json()["id"])}
    assert left(shop) == before | {
        "tea-green": before["tea-green"] - 2,
        "tea-black": before["tea-black"] - 1,
    }


def test_a_refused_order_leaves_nothing_of_its_lines_in_the_shop_or_in_the_crm(shop):
    customer, before = registered(shop, "barbara"), left(shop)
    answer = order(shop, customer, tea_green=1, pot_small=1000)
    assert answer.status_code == 409
    assert answer.json()["refused"] == f"of A pot for one there are {before['pot-small']} left, not 1000"
    assert left(shop) == before
    assert (known(shop, customer)["sums"], known(shop, customer)["timeline"]) == ({}, [])


def test_what_does_not_exist_is_not_found(shop):
    customer = registered(shop, "annie")
    assert order(shop, customer, tea_red=1).status_code == 404
    assert order(shop, 10**9, tea_green=1).status_code == 404
    assert shop.get(f"/customers/{10**9}/known").status_code == 404


def test_who_cannot_be_registered_is_in_neither(shop):
    customer = registered(shop, "hedy")
    assert shop.post("/customers", json={**ADA, "email": "hedy@example.com"}).status_code == 409
    assert known(shop, customer)["attributes"]["name"] == "hedy"


def test_what_the_crm_refuses_is_taken_back_from_the_shop(shop):
    refused = [shop.post("/customers", json={**ADA, "email": "no address"}) for _ in range(2)]
    assert [answer.status_code for answer in refused] == [422, 422]
    assert all("name@domain" in answer.json()["refused"] for answer in refused)


def test_orders_at_the_same_time_arrive_exactly_once(shop):
    customers, before = [registered(shop, f"many{number}") for number in range(8)], left(shop)
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda number: order(shop, customers[number % 8], tea_black=1), range(64)))
    assert Counter(answer.status_code for answer in answers) == {201: 64}
    assert len({answer.json()["id"] for answer in answers}) == 64
    for customer in customers:
        sums = known(shop, customer)["sums"]
        assert {name: one["count"] for name, one in sums.items()} == {"item_ordered": 8, "order_placed": 8}
    assert left(shop) == before | {"tea-black": before["tea-black"] - 64}


def test_of_many_who_want_the_last_ones_exactly_so_many_get_one(shop):
    customers = [registered(shop, f"rare{number}") for number in range(12)]
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda customer: order(shop, customer, tea_green=1, cup_rare=1), customers))
    assert Counter(answer.status_code for answer in answers) == {201: 3, 409: 9}
    bought = [known(shop, customer)["sums"] != {} for customer in customers]
    assert bought == [answer.status_code == 201 for answer in answers]
    assert left(shop)["cup-rare"] == 0


def test_the_pages_show_the_shelf_and_what_is_known(shop):
    customer = registered(shop, "dorothy")
    order(shop, customer, tea_green=1)
    shelf = shop.get("/")
    assert (shelf.headers["content-type"], "Green tea, 100 g" in shelf.text) == ("text/html; charset=utf-8", True)
    page = shop.get(f"/customers/{customer}").text
    assert all(words in page for words in ("dorothy@example.com", "Bandung", "order_placed", "7.90 EUR"))


def test_another_process_reads_the_same_from_the_file(shop, folder):
    customer = registered(shop, "mary")
    sold = order(shop, customer, tea_green=1).json()
    with CRM(str(folder / "shop.db")) as crm:
        [placed] = [one for one in crm.customer(str(customer)).sums if one.name == "order_placed"]
        assert (placed.count, placed.amount, placed.currency) == (1, sold["total"], "EUR")
