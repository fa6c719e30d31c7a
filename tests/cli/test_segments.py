"""`crm segment list|show|create|delete`: one segment that has no answer keeps no other from being seen."""

from __future__ import annotations

import json
import re

import pytest
from click.testing import CliRunner

from crmcore import CRM
from crmcore.cli import crm as command
from crmcore.model.building import event, rule
from tests.named_rule import Rules

MIXED = "sum of amount of order_placed > 100 minor units"


@pytest.fixture
def shop(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with CRM("shop.db", plugins={"rules": Rules()}) as crm:
        crm.track("order_placed", "1", amount=500, currency="EUR")
        crm.track("order_placed", "2", amount=500, currency="USD")
        crm.define_segment("buyers", event("order_placed").did())
        crm.define_segment("lost", rule("named", keys=["1"]))
    return tmp_path


@pytest.fixture
def run(shop):
    def running(*words, code=0, given=None):
        result = CliRunner().invoke(command, ["--db", "shop.db", *words], input=given)
        assert result.exit_code == code, result.output
        return f"{result.output}{result.exception or ''}"

    return running


def test_every_segment_is_listed_with_the_problem_where_one_has_no_size(run):
    run("segment", "create", "mixed", MIXED)
    buyers, lost, mixed = json.loads(run("--json", "segment", "list"))
    assert buyers == {"name": "buyers", "size": 2, "problem": None}
    assert (lost["size"], mixed["size"]) == (None, None)
    assert "segment 'lost' asks for the rule 'named'" in lost["problem"]
    assert "segment 'mixed', the sum of order_placed adds up EUR, USD" in mixed["problem"]
    told = run("segment", "list")
    assert lost["problem"] in told
    assert mixed["problem"] in told


def test_a_segment_without_an_answer_is_created_and_the_fix_is_said_in_words_and_in_python(run):
    said = json.loads(run("--json", "segment", "create", "mixed", MIXED))
    assert (said["version"], said["size"]) == (1, None)
    assert "`>= 100.00 EUR`" in said["problem"]
    assert 'sum("amount", currency="EUR")' in said["problem"]


@pytest.mark.parametrize(("name", "condition"), [("mixed", MIXED), ("lost", 'rule named(keys = ["1"])')])
def test_the_condition_of_a_segment_without_an_answer_is_shown(run, name, condition):
    if name == "mixed":
        run("segment", "create", "mixed", MIXED)
    told = run("segment", "show", name)
    assert condition in told
    assert "No size: " in told


def test_a_rule_of_no_plugin_is_refused_and_nothing_is_saved(run):
    assert "segment 'bad' asks for the rule 'gone'" in run("segment", "create", "bad", "rule gone(days = 3)", code=1)
    assert "bad" not in run("segment", "list")


def test_a_segment_is_deleted_once_that_is_confirmed(run):
    assert "Delete the segment buyers?" in run("segment", "delete", "buyers", code=1, given="n\n")
    assert "buyers" in run("segment", "list")
    assert "is deleted" in run("segment", "delete", "buyers", given="y\n")
    assert json.loads(run("--json", "segment", "delete", "lost", "--yes")) == {"deleted": "lost"}
    assert json.loads(run("--json", "segment", "list")) == []


def test_with_json_nobody_is_asked(run):
    assert "--yes" in run("--json", "segment", "delete", "buyers", code=2)
    assert "did you mean buyers?" in run("segment", "delete", "buyer", "--yes", code=1)


def test_a_segment_that_another_asks_for_is_not_deleted(run):
    run("segment", "create", "dear", 'in segment "buyers"')
    assert "'buyers' is asked for by segment 'dear'" in run("segment", "delete", "buyers", "--yes", code=1)


FILES = {
    "empty.toml": ("", "it says nothing; write a condition, as in tag = "),
    "typo.toml": ('evnt = "x"', "did you mean event?"),
    "broken.toml": ("x = y", "line 1, column 5"),
    "empty.json": ("{}", "it says nothing"),
    "words.txt": ('tga "vip"', "line 1, column 5: .*did you mean `tag`?"),
    "empty.txt": (" \n", 'it says nothing; write a condition, as in tag "vip"'),
    "none.toml": (None, "it is not there"),
    "none.txt": (None, "it is not there"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_holds_no_condition_is_named_with_what_is_wrong(run, shop, name):
    written, said = FILES[name]
    if written is not None:
        (shop / name).write_text(written)
    found = run("segment", "create", "s", name, code=1)
    assert re.search(f"{re.escape(name)}, .*{said}", found, re.DOTALL), found
    assert "s" not in [one["name"] for one in json.loads(run("--json", "segment", "list"))]


def test_a_file_may_hold_words(run, shop):
    (shop / "vip.txt").write_text('tag "vip"\n  and city = "Bandung"\n')
    assert 'tag "vip" and city = "Bandung"' in run("segment", "create", "s", "vip.txt")
