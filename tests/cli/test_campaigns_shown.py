"""A campaign shown, explained and reported on the command line, and drawn the same whenever it is drawn."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner

from crmcore import CRM
from crmcore.cli import crm as command

GOLDEN = Path(__file__).with_name("golden")
CART = """
name = "cart"
purpose = "retention"
audience = {tag = "vip"}
exits = ["order_placed"]
goal = {event = "order_placed", within = "7d"}
[trigger]
event = "cart_updated"
key = "ref"
[[steps]]
wait = "an_hour"
lasting = "1h"
[[steps]]
branch = "still_full"
condition = 'not did order_placed where note = "<&>" within 1d'
then = "subject"
otherwise = "stop"
[[steps]]
split = "subject"
arms = [{name = "short", weight = 2, then = "brief", lever = "subject"}, {name = "long", then = "whole"}]
[[steps]]
send = "brief"
template = "hello"
channels = "email"
then = "opens"
[[steps]]
send = "whole"
template = "hello"
channels = "email"
[[steps]]
wait_for = "opens"
event = "app_opened"
timeout = "2d"
then = "stop"
otherwise = "an_hour"
[[steps]]
exit = "stop"
"""


@pytest.fixture
def cart(tmp_path):
    path = tmp_path / "cart.toml"
    path.write_text(CART)
    return path


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("CRM_CHANNELS__EMAIL__SENDER", "Shop <shop@example.com>")
    path = tmp_path / "shop.db"
    with CRM(str(path)) as crm:
        crm.identify("42", {"email": "ada@example.com"}, tags=["vip"])
        crm.identify("43", {"email": "bob@example.com"})
        crm.save_template("hello", "email", {"subject": "Your cart", "text": "{{ links.unsubscribe }}"})

    def running(*words, code=0):
        result = CliRunner().invoke(command, ["--db", str(path), *map(str, words)])
        assert result.exit_code == code, result.output
        return result.stdout

    return running


@pytest.fixture
def launched(run, cart, tmp_path):
    run("campaign", "launch", cart)
    with CRM(str(tmp_path / "shop.db")) as crm:
        crm.track("cart_updated", "42", ref="c1")
        crm.track("cart_updated", "43", ref="c2")
        crm.work()
    return run


COMMANDS = [
    ("campaign", "show", "cart"),
    ("campaign", "explain", "cart", "42"),
    ("campaign", "explain", "cart", "--email", "bob@example.com"),
    ("campaign", "report", "cart"),
    ("report", "cart", "--days", "30"),
]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_speaks_to_a_person_and_in_json(launched, words):
    assert launched(*words).strip()
    json.loads(launched("--json", *words))


def test_a_file_is_shown_as_it_stands_and_drawn_as_ever(run, cart, tmp_path):
    said = run("campaign", "show", cart, "--svg", tmp_path / "cart.svg")
    assert said == (GOLDEN / "cart.txt").read_text()
    assert (tmp_path / "cart.svg").read_text() == (GOLDEN / "cart.svg").read_text()


def test_the_drawing_is_whole_whatever_stands_in_the_texts(run, cart, tmp_path):
    run("campaign", "show", cart, "--svg", tmp_path / "cart.svg")
    drawn = ET.parse(tmp_path / "cart.svg")
    texts = ["".join(one.itertext()) for one in drawn.iter("{http://www.w3.org/2000/svg}title")]
    assert any('note = "<&>"' in one for one in texts)
    assert "prefers-color-scheme: dark" in (tmp_path / "cart.svg").read_text()


def test_a_campaign_under_way_says_how_many_stand_where(launched):
    assert "an_hour: wait 1h  1 here" in launched("campaign", "show", "cart")
    found = json.loads(launched("--json", "campaign", "show", "cart"))
    assert (found["state"], [one["standing"] for one in found["steps"]]) == ("running", [1, 0, 0, 0, 0, 0, 0])


def test_a_customer_is_told_where_it_stands_or_why_it_was_not_let_in(launched):
    assert "waits at an_hour (wait 1h)" in " ".join(launched("campaign", "explain", "cart", "42").split())
    said = launched("campaign", "explain", "cart", "43")
    assert "nothing sent: the audience had not the customer when it was to enter (audience)" in said
    assert 'tag "vip"' in said


def test_whoever_names_nobody_is_asked_for_a_customer(run):
    result = run("campaign", "explain", "cart", code=2)
    assert result == ""


def test_a_drawing_that_cannot_be_written_is_an_error_that_names_the_file(run, cart, tmp_path):
    run("campaign", "show", cart, "--svg", tmp_path / "missing" / "cart.svg", code=1)
