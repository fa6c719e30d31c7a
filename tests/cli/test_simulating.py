"""`crm campaign simulate` and `crm campaign backtest`."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from crmcore import CRM
from crmcore.cli import crm as command
from crmcore.model.time import moment

CAMPAIGN = """
name = "welcome"
purpose = "retention"
audience = "everyone"
goal = { event = "order_placed", within = "7d" }
steps = [
    { send = "hello", template = "hello", channels = "email" },
    { wait = "week", lasting = "7d" },
    { send = "again", template = "hello", channels = "email" },
]
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CRM_CHANNELS__EMAIL__SENDER", "Shop <shop@example.com>")
    (tmp_path / "welcome.toml").write_text(CAMPAIGN)
    with CRM("shop.db") as crm:
        crm.define_segment("everyone", "everyone")
        for one in ("ada", "bob"):
            crm.identify(one, {"email": f"{one}@example.com"})
        crm.consent("ada", "retention", channel="email")
        crm.save_template("hello", "email", {"subject": "Hello {{ customer.key }}", "text": "{{ links.unsubscribe }}"})

    def running(*words):
        result = CliRunner().invoke(command, ["--db", "shop.db", *words])
        assert result.exit_code == 0, result.output
        return result.output

    return running


def test_it_says_in_tables_what_would_be_sent_and_in_which_words(run):
    said = run("campaign", "simulate", "welcome.toml", "--days", "10")
    for words in ("audience", "skipped: no_consent", "ada", "again", "Hello ada"):
        assert words in said


def test_as_json_it_says_all_of_it(run):
    found = json.loads(run("--json", "campaign", "simulate", "welcome.toml", "--days", "3"))
    assert (found["campaign"], found["sent"], found["skipped"]) == ("welcome", 1, {"no_consent": 1})
    sent = [one for one in found["messages"] if one["state"] == "accepted"]
    assert [(one["customer"], one["step"], one["parts"]["subject"]) for one in sent] == [("ada", "hello", "Hello ada")]


def test_nothing_is_launched(run):
    run("campaign", "simulate", "welcome.toml")
    assert json.loads(run("--json", "campaign", "list")) == []


def test_a_backtest_says_what_would_have_been_sent_and_which_goals_were_reached(run):
    with CRM("shop.db") as crm:
        began = crm.now()
        crm.track("order_placed", "ada", amount=1900, currency="EUR")
    said = run("campaign", "backtest", "welcome.toml", "--from", moment(began).isoformat())
    for words in ("audience", "skipped: no_consent", "ada", "Hello ada", "1 customers, 1 events, 19.00 EUR"):
        assert words in said
    [goal] = json.loads(run("--json", "campaign", "backtest", "welcome.toml", "--from", moment(began).isoformat()))[
        "goals"
    ]
    assert (goal["event"], goal["customers"], goal["amounts"]) == ("order_placed", 1, {"EUR": 1900})


def test_a_backtest_needs_to_know_when_it_begins(run):
    result = CliRunner().invoke(command, ["--db", "shop.db", "campaign", "backtest", "welcome.toml"])
    assert result.exit_code == 2
    assert "--from" in result.output
