"""Campaigns that are running, from the command line."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from crmcore import CRM
from crmcore.cli import crm
from crmcore.model.building import everyone
from crmcore.model.campaign import Campaign
from crmcore.model.steps import Update, Wait
from crmcore.model.triggers import OnCall


@pytest.fixture
def shop(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with CRM("shop.db") as made:
        made.identify("ada", {"email": "ada@example.com"})
        steps = [Wait(name="three_days", lasting="3d"), Update(name="note", tags="seen")]
        made.launch(Campaign(name="welcome", purpose="service", audience=everyone(), trigger=OnCall(), steps=steps))
    return tmp_path


def run(*words, code=0):
    done = CliRunner().invoke(crm, ["--db", "shop.db", *words])
    assert done.exit_code == code, done.output
    return done.output


def plan(folder, wait):
    written = {
        "name": "welcome",
        "purpose": "service",
        "audience": {"everyone": True},
        "trigger": {"call": "api"},
        "steps": [{"wait": wait, "lasting": "5d"}, {"update": "note", "tags": ["seen"]}],
    }
    (folder / "welcome.json").write_text(json.dumps(written))


def test_customers_are_let_in_by_their_keys(shop):
    assert run("campaign", "enter", "welcome", "ada") == "1 of 1 entered welcome.\n"
    assert json.loads(run("--json", "campaign", "enter", "welcome", "ada"))["entered"] == 0


def test_a_campaign_is_revised_from_a_file(shop):
    run("campaign", "enter", "welcome", "ada")
    plan(shop, "five_days")
    assert "1 stay on theirs" in run("campaign", "revise", "welcome.json")
    assert "1 went over" in run("campaign", "revise", "welcome.json", "--move", "three_days=five_days")


def test_a_move_has_two_ends(shop):
    plan(shop, "five_days")
    assert "write OLD=NEW" in run("campaign", "revise", "welcome.json", "--move", "three_days", code=2)
