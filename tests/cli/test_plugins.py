"""`crm plugin new`, `crm plugins`, `crm channels`, and what `crm doctor` says of where it runs."""

from __future__ import annotations

import json
import sys
from types import ModuleType

import attrs
import pytest
from click.testing import CliRunner
from sqlalchemy import create_engine, event

from crmcore import loader
from crmcore.cli import crm as command
from crmcore.cli import machine
from crmcore.errors import FolderTaken, InvalidName
from crmcore.settings import Settings
from crmcore.store.clocks import database_now
from crmcore.store.engine import open_engine
from crmcore.testing.fakes import Recorder


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*words, code=0):
    result = CliRunner().invoke(command, list(map(str, words)))
    assert result.exit_code == code, result.output
    return result.output


def test_a_plugin_is_written_to_a_folder_of_its_name(here):
    said = run("plugin", "new", "crm_pigs", "--kind", "gate")
    assert (here / "crm_pigs" / "src" / "crm_pigs" / "gate.py").is_file()
    assert "crm plugin check crm_pigs" in said


def test_or_to_the_one_that_is_named(here):
    said = json.loads(run("--json", "plugin", "new", "crm_pigs", "--kind", "rule", "--to", "there"))
    assert said["folder"] == "there"
    assert sorted(said["files"]) == sorted(str(one.relative_to(here)) for one in here.rglob("*") if one.is_file())


def test_a_folder_that_holds_something_is_refused_unless_told_otherwise(here):
    words = ("plugin", "new", "crm_pigs", "--kind", "gate")
    run(*words)
    assert isinstance(CliRunner().invoke(command, words).exception, FolderTaken)
    run(*words, "--overwrite")


def test_a_name_that_is_taken_is_refused(here):
    assert isinstance(CliRunner().invoke(command, ["plugin", "new", "json", "--kind", "gate"]).exception, InvalidName)


@pytest.mark.parametrize("words", [("plugins",), ("--json", "plugins"), ("channels",), ("--json", "channels")])
def test_looking_at_plugins_makes_no_database(here, words):
    run(*words)
    assert list(here.iterdir()) == []


@pytest.mark.parametrize("words", [("plugin",), ("plugin", "new"), ("plugin", "check"), ("plugins",), ("doctor",)])
def test_help_shows_examples(words):
    assert f"crm {words[0]}" in run(*words, "--help") or "crm --db" in run(*words, "--help")


@pytest.fixture
def installed(monkeypatch):
    """Two plugins as if they were installed: one that loads, one that does not."""
    told = ModuleType("told")
    told.__version__ = "1.2"
    told.crm_register_providers = loader.pluggy.HookimplMarker("crmcore")(_providers)
    told.crm_event_tracked = loader.pluggy.HookimplMarker("crmcore")(_tracked)

    def broken():
        raise ImportError("no module named pork")

    monkeypatch.setattr(loader, "_installed", lambda _blocked: [("told", lambda: told), ("broken", broken)])


def _providers(setup):
    return [Recorder()]


def _tracked(batch):
    """Nothing is done about it."""


def test_plugins_say_what_they_register_what_they_listen_to_and_why_not(here, installed):
    said = json.loads(run("--json", "plugins"))
    assert said["plugins"] == [
        {"name": "told", "version": "1.2", "registers": ["provider note/recorder"], "listens": ["crm_event_tracked"]}
    ]
    assert said["faults"] == [
        {"plugin": "broken", "problem": "ImportError: no module named pork", "error": "ImportError"}
    ]
    assert "crm_event_tracked" in run("plugins")


def test_doctor_shows_versions_and_settings_of_the_database_that_is_meant(here):
    said = json.loads(run("--db", "shop.db", "--json", "doctor"))["machine"]
    assert said["settings"]["database"].endswith("shop.db")
    assert said["versions"].keys() >= {"python", "crmcore", "sqlalchemy", "tzdata", "sqlite"}
    assert said["clock_ahead"] is None
    assert not (here / "crm.db").exists()


def test_doctor_has_a_word_on_links_that_lead_nowhere(here):
    assert "set public_url" in run("--db", "shop.db", "doctor")


@pytest.fixture
def host(here, monkeypatch):
    """The engine of an app, as a module that doctor can import."""
    app = ModuleType("shop_app")
    app.engine = create_engine(f"sqlite:///{here / 'host.db'}")
    monkeypatch.setitem(sys.modules, "shop_app", app)
    yield app
    app.engine.dispose()


def warned(*words):
    return " ".join(json.loads(run("--db", "shop.db", "--json", "doctor", *words))["machine"]["warnings"])


def test_doctor_warns_of_an_app_that_opens_sqlite_as_python_does(host):
    said = warned("--engine", "shop_app:engine")
    assert "journal_mode=WAL" in said
    assert "BEGIN IMMEDIATE" in said


def test_doctor_is_content_with_an_app_that_begins_with_the_write_lock(host):
    @event.listens_for(host.engine, "connect")
    def tune(connection, _record):
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA busy_timeout=20000")

    @event.listens_for(host.engine, "begin")
    def begin(connection):
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    assert "the app's engine" not in warned("--engine", "shop_app:engine")


@pytest.mark.parametrize("place", ["shop_app:nothing", "shop_app:__name__", "nowhere_at_all:engine", ":"])
def test_an_engine_that_is_none_is_refused(host, place):
    assert "--engine" in run("--db", "shop.db", "doctor", "--engine", place, code=2)


def test_a_clock_that_differs_is_worth_a_word(here, monkeypatch):
    monkeypatch.setattr(machine, "database_now", lambda _connection: machine.SystemClock().now() + 90 * 1_000_000)
    assert "90.0 s ahead of this machine's" in warned()


def test_missing_time_zone_data_is_worth_a_word(here, monkeypatch):
    monkeypatch.setattr(machine, "ZONE", "Nowhere/At_All")
    assert "pip install tzdata" in warned()


def test_the_clock_of_a_server_is_looked_at(new_database, store):
    engine = open_engine(new_database("clock"))
    try:
        found = machine.looked_at(
            attrs.evolve(Settings(), public_url="https://shop.example"), new_database("clock"), None
        )
        with engine.connect() as connection:
            there = database_now(connection)
    finally:
        engine.dispose()
    assert (found.clock_ahead is None) == (there is None) == (store == "sqlite")
    assert found.warnings == ()
