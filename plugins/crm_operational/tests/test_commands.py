"""`crm case`, as agents use it."""

from __future__ import annotations

import json
from contextlib import nullcontext
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from crm_operational.commands import commands
from crmcore.errors import NotFound


@pytest.fixture
def run(crm):
    def running(*words, as_json=True):
        [group] = commands()
        desk = SimpleNamespace(crm=lambda: nullcontext(crm), as_json=as_json)
        done = CliRunner().invoke(group, list(words), obj=desk)
        if done.exception is not None:
            raise done.exception
        return json.loads(done.output) if as_json else done.output

    return running


@pytest.fixture
def case_id(crm, cases_of):
    crm.track("complaint_raised", "ada", ref="lamp", properties={"subject": "It is\x1b[31m dark"})
    [case] = cases_of("ada")
    return str(case.id)


def test_open_cases_are_listed(run, case_id):
    [said] = run("list")
    assert (said["id"], said["customer"], said["ref"], said["closed_at"]) == (case_id, "ada", "lamp", None)
    assert run("list", "--agent", "eve") == []


def test_what_a_terminal_obeys_is_written_out(run, case_id):
    assert "It is\\x1b[31m dark" in run("list", as_json=False)


def test_where_none_is_open_this_is_said(run):
    assert run("list", as_json=False) == "There is no open case.\n"


def test_a_case_is_assigned(run, case_id):
    said = run("assign", case_id, "eve")
    assert (said["agent"], [one["note"] for one in said["entries"]]) == ("eve", ["eve"])
    assert [one["id"] for one in run("list", "--agent", "eve")] == [case_id]


def test_a_case_that_is_closed_is_closed_by_an_event(run, case_id, crm, cases_of):
    assert run("close", case_id, "--note", "A new bulb")["closed_at"] is not None
    assert [one.name for one in crm.timeline("ada") if not one.module][:1] == ["complaint_closed"]
    assert run("list") == []
    assert [one["id"] for one in run("list", "--all")] == [case_id]
    [case] = cases_of("ada")
    assert case.closed_at is not None


def test_closed_twice_it_is_closed_once(run, case_id, crm):
    run("close", case_id)
    run("close", case_id)
    assert sum(one.name == "complaint_closed" for one in crm.timeline("ada")) == 1


def test_a_customer_without_a_key_is_found_by_another_identity(run, crm):
    crm.track("complaint_raised", {"email": "ada@example.com"}, ref="lamp")
    crm.work()
    [said] = run("list")
    assert run("close", said["id"])["closed_at"] is not None
    assert crm.customer({"email": "ada@example.com"}) is not None


def test_a_case_that_is_not_there_is_named(run):
    with pytest.raises(NotFound, match="no case '7'"):
        run("show", "7")
