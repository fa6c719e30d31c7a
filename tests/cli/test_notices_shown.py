"""`crm doctor` and `crm stats` say which plugins are behind with what they are told, and which are left alone."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from crmcore import CRM
from crmcore.cli import crm as command
from crmcore.hooks.marker import hookimpl
from crmcore.loader import installed


class Pager:
    @hookimpl
    def crm_event_tracked(self, batch):
        raise RuntimeError("ada@example.com")


class Quiet:
    @hookimpl
    def crm_event_tracked(self, batch):
        pass


@pytest.fixture
def shop(database):
    """A database in which a plugin has failed three times."""
    with CRM(str(database), plugins={"pager": Pager(), "quiet": Quiet()}, blocked=installed()) as crm:
        crm.track_many([{"name": "page_viewed", "customer": "1"}] * 12)
        for _ in range(3):
            crm.work()
    return database


def run(shop, *words):
    return CliRunner().invoke(command, ["--db", str(shop), *words])


def shown(done):
    return " ".join(word for word in done.output.split() if word != "│")


def test_doctor_ends_with_1_and_says_what_failed_and_what_waits(shop):
    done = run(shop, "doctor")
    assert done.exit_code == 1
    assert "failed 3 times in a row on notices (RuntimeError)" in shown(done)
    assert "12 notices wait" in shown(done)
    assert "ada@example.com" not in done.output


def test_stats_have_a_line_for_each_plugin(shop):
    done = run(shop, "stats")
    assert done.exit_code == 0
    assert {"pager", "quiet", "12", "RuntimeError"} <= set(shown(done).split())


@pytest.mark.parametrize("verb", ["doctor", "stats"])
def test_programs_are_told_the_same(shop, verb):
    found = {one["plugin"]: one for one in json.loads(run(shop, "--json", verb).output)["notices"]}
    assert (found["pager"]["waiting"], found["pager"]["failures"], found["pager"]["problem"]) == (
        12,
        3,
        "RuntimeError",
    )
    assert found["pager"]["closed_until"] is not None
    assert (found["quiet"]["waiting"], found["quiet"]["closed_until"], found["quiet"]["is_loaded"]) == (0, None, False)
