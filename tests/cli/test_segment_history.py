"""`crm segment why|overlap|history` and `members --at`: for a person and as JSON."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from crmcore import CRM
from crmcore.cli import crm as command
from crmcore.loader import installed
from crmcore.model.building import attribute, event
from crmcore.testing.clock import TurnedClock
from tests.conftest import NOON

BOUGHT = event("bought")


@pytest.fixture
def run(database):
    clock = TurnedClock(NOON)
    with CRM(str(database), clock=clock, blocked=installed()) as crm:
        crm.define_segment("recent", event("bought").did(within="30d"))
        crm.define_segment("local", attribute("city") == "Bandung")
        crm.define_segment("big", (BOUGHT.sum("amount", currency="EUR") > 10_00) & BOUGHT.first().within("9d"))
        crm.track("bought", "42", amount=12_50, currency="EUR")
        clock.turn("1d")
        crm.identify("42", {"city": "Bandung"})
        crm.identify("7", {"city": "Bandung"})
        crm.pin(crm.now())

    def running(*words, code=0):
        result = CliRunner().invoke(command, ["--db", str(database), *words])
        assert result.exit_code == code, result.output
        return f"{result.output}{result.exception or ''}"

    return running


def test_members_of_a_time_are_those_known_then(run):
    at = ("--at", "2026-03-01T12:00:00+00:00")
    assert [one["key"] for one in json.loads(run("--json", "segment", "members", "recent", *at))] == ["42"]
    assert json.loads(run("--json", "segment", "members", "local", *at)) == []
    assert len(json.loads(run("--json", "segment", "members", "local", "--at", "2026-03-02T12:00"))) == 2


def test_why_shows_the_condition_and_the_events_behind_it(run):
    told = run("segment", "why", "recent", "42")
    assert "recent: yes" in told
    assert "2026-03-01 12:00 bought" in told
    plain = json.loads(run("--json", "segment", "why", "local", "42"))
    assert (plain["holds"], plain["found"], plain["condition"]["attribute"]) == (True, "Bandung", "city")


def test_overlap_is_a_matrix(run):
    assert json.loads(run("--json", "segment", "overlap", "recent", "local")) == {
        "names": ["recent", "local"],
        "sizes": [[1, 1], [1, 2]],
    }


def test_history_tells_who_entered_and_when(run):
    told = run("segment", "history", "local", "--since", "2026-03-01", "--until", "2026-03-02T12:00")
    assert told.count("entered") == 2
    assert "2026-03-02 12:00" in told


def test_a_time_that_is_none_is_refused(run):
    said = run("segment", "members", "local", "--at", "yesterday", code=2)
    assert "'yesterday' is no time; write a day, 2026-03-01" in said


def test_why_says_conditions_in_words_and_amounts_with_their_currency(run):
    told = run("segment", "why", "big", "42")
    assert "sum of amount of bought" in told
    assert "12.50 EUR" in told
    assert "2026-03-01T12:00:00+00:00" in told
    assert json.loads(run("--json", "segment", "why", "big", "42"))["of"][0]["found"] == 1250


def test_trend_shows_the_size_over_time(run):
    words = ("segment", "trend", "local", "--since", "2026-03-01T12:00", "--every", "12h")
    assert [one["size"] for one in json.loads(run("--json", *words))] == [0, 0, 2]
    assert "2026-03-02 12:00" in run(*words)


@pytest.mark.parametrize("command", ["history", "trend"])
def test_times_the_wrong_way_round_are_refused(run, command):
    said = run("segment", command, "local", "--since", "2026-03-02", "--until", "2026-03-01", code=1)
    assert "2026-03-02T00:00:00+00:00 is later than until, 2026-03-01T00:00:00+00:00" in said


def test_a_negative_limit_is_refused(run):
    assert "--limit" in run("segment", "members", "local", "--limit", "-1", code=2)
