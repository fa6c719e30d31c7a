"""`crm segment why|overlap|history` and `members --at`: for a person and as JSON."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from crmcore import CRM
from crmcore.cli import crm as command
from crmcore.model.building import attribute, event
from crmcore.testing.clock import TurnedClock
from tests.conftest import NOON


@pytest.fixture
def run(database):
    clock = TurnedClock(NOON)
    with CRM(str(database), clock=clock, blocked=["crm_email", "crm_recommend"]) as crm:
        crm.define_segment("recent", event("bought").did(within="30d"))
        crm.define_segment("local", attribute("city") == "Bandung")
        crm.track("bought", "42")
        clock.turn("1d")
        crm.identify("42", {"city": "Bandung"})
        crm.identify("7", {"city": "Bandung"})
        crm.pin(crm.now())

    def running(*words, code=0):
        result = CliRunner().invoke(command, ["--db", str(database), *words])
        assert result.exit_code == code, result.output
        return result.output

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
    assert "'yesterday'" in run("segment", "members", "local", "--at", "yesterday", code=2)
