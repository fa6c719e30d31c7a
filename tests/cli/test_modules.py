"""What modules add to the command line."""

from __future__ import annotations

import json
import sqlite3

import pytest
from click.testing import CliRunner
from sqlalchemy import MetaData

from crmcore import loader
from crmcore.cli import crm as command
from crmcore.hooks.module import Schema
from crmcore.migrations import HEAD
from tests.flow.modules.wallet import Wallet

BROKEN = Schema(metadata=MetaData(), migrations="tests.flow.modules.wallet.revisions", head="wallet_9999")


class Installed:
    """An entry point of a distribution."""

    def __init__(self, plugin):
        self.name, self._plugin = f"crm_{plugin.name}", plugin

    def load(self):
        return self._plugin


@pytest.fixture
def install(monkeypatch):
    """Let plugins be all that is installed beside the core."""

    def install(*plugins):
        monkeypatch.setattr(loader, "entry_points", lambda group: [Installed(one) for one in plugins])

    install(Wallet())
    return install


@pytest.fixture
def run(database, install):
    def running(*words, code=0):
        result = CliRunner().invoke(command, ["--db", str(database), *map(str, words)])
        assert result.exit_code == code, result.output
        return result.output

    return running


def revisions(run):
    return {one["distribution"]: (one["current"], one["needed"]) for one in json.loads(run("--json", "db", "status"))}


def test_the_status_shows_what_each_distribution_has_and_needs(run):
    assert revisions(run) == {"crmcore": (HEAD, HEAD), "wallet": (None, "wallet_0002")}
    shown = run("db", "status")
    assert "wallet" in shown
    assert "wallet_0002" in shown


def test_an_upgrade_brings_the_core_and_all_modules_to_their_heads(run):
    run("db", "upgrade")
    assert revisions(run) == {"crmcore": (HEAD, HEAD), "wallet": ("wallet_0002", "wallet_0002")}
    run("doctor")


def test_an_upgrade_of_an_empty_database_makes_the_core_first(run, tmp_path):
    shown = run("--db", tmp_path / "empty.db", "--json", "db", "upgrade")
    assert [one["current"] for one in json.loads(shown)] == [HEAD, "wallet_0002"]


def test_the_statements_of_modules_are_printed_too(run, database):
    said = run("db", "upgrade", "--sql")
    assert "CREATE TABLE crm_event" in said
    assert "CREATE TABLE crm_wallet_coin" in said
    with sqlite3.connect(":memory:") as connection:
        connection.executescript(said[said.index("CREATE TABLE crm_alembic_wallet") :].replace("COMMIT;", ""))


def test_a_module_whose_revisions_fail_is_named_and_the_others_are_upgraded(run, install):
    lost = Wallet(schema=None)
    lost.name, lost.schema = "lost", BROKEN
    install(lost, Wallet())
    assert "The tables of lost stay as they are: CommandError" in run("db", "upgrade", code=1)
    assert revisions(run)["wallet"] == ("wallet_0002", "wallet_0002")


def test_what_an_uninstalled_module_has_left_is_shown_and_kept(run, install):
    run("db", "upgrade")
    install()
    assert revisions(run) == {"crmcore": (HEAD, HEAD), "wallet": ("wallet_0002", None)}
    assert "not installed" in run("db", "upgrade")


def test_doctor_names_a_module_that_waits_for_its_tables(run):
    said = " ".join(run("doctor", code=1).replace("│", " ").split())
    assert "its code needs 'wallet_0002'; run `crm db upgrade`" in said
