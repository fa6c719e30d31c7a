"""`crm export`, `crm erase`, `crm audit` and `crm retention` as a person meets them."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from crmcore import CRM
from crmcore.cli import crm as command
from crmcore.errors import DatabaseUnusable, InvalidFile, UnknownCustomer
from crmcore.loader import installed
from crmcore.store import compacting
from crmcore.store.engine import open_engine


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CRM_BLOCKED", ",".join(installed()))
    with CRM("crm.db") as crm:
        crm.identify("ada", {"email": "ada@example.com", "name": "Ada"})
        crm.track("seen", "ada", at=1_600_000_000_000_000)

    def running(*words, code=0, given=None):
        done = CliRunner().invoke(command, ["--db", "crm.db", *map(str, words)], input=given)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert done.exit_code == code, done.output
        return done.stdout

    return running


def test_a_share_is_shown_in_short_and_given_as_json(run):
    assert "email ada@example.com" in run("export", "ada")
    share = json.loads(run("--json", "export", "--by", "email", "ada@example.com"))
    assert share["core"]["attribute"][0]["name"] == "email"


def test_a_share_goes_to_a_file_that_is_not_there(run, tmp_path):
    assert "Written to ada.json" in run("export", "ada", "--to", "ada.json")
    assert json.loads((tmp_path / "ada.json").read_text())["core"]["event"]
    with pytest.raises(InvalidFile, match="--force"):
        run("export", "ada", "--to", "ada.json")
    run("export", "ada", "--to", "ada.json", "--force")


def test_a_customer_has_to_be_named_once(run):
    for words in ((), ("ada", "--by", "email", "ada@example.com")):
        run("export", *words, code=2)
        run("erase", *words, "--yes", code=2)


def test_erasing_asks_and_shows_a_receipt(run):
    run("erase", "ada", code=1, given="n\n")
    said = run("erase", "ada", "--compact", given="y\n")
    assert "crm_identity" in said
    assert "written anew" in said
    with pytest.raises(UnknownCustomer):
        run("export", "ada")


def test_who_is_asked_sees_whom(run):
    asked = run("erase", "--by", "email", "ada@example.com", code=1, given="n\n")
    assert "key ada" in asked
    assert "email ada@example.com" in asked
    assert "key eve (whom nobody knows)" in run("erase", "eve", code=1, given="n\n")


@pytest.mark.parametrize("given", ["", "n\n"], ids=["nobody answers", "no"])
def test_without_a_yes_nothing_is_done_and_that_is_said(given, tmp_path, run):
    done = CliRunner().invoke(command, ["--db", "crm.db", "erase", "ada"], input=given)
    assert (done.exit_code, "Nothing was done" in done.stderr) == (1, True)
    assert "email ada@example.com" in run("export", "ada")


def test_erasing_whom_nobody_knows_fails_and_leaves_no_row_in_the_log(run):
    assert run("erase", "eve", "--yes", code=1) == "Nobody is known by that name.\n"
    assert json.loads(run("--json", "erase", "eve", code=1))["customers"] == 0
    with pytest.raises(UnknownCustomer):
        run("export", "eve")
    assert json.loads(run("--json", "audit", "list")) == []


@pytest.mark.parametrize("words", [("erase", "42", "--yes"), ("erase", "42"), ("export", "42")], ids=" ".join)
@pytest.mark.parametrize("database", ["typo.db", "sqlite:///typo.db"])
def test_a_file_that_is_not_there_is_named_and_not_made(run, tmp_path, words, database):
    done = CliRunner().invoke(command, ["--db", database, *words])
    assert isinstance(done.exception, DatabaseUnusable)
    assert "there is no file typo.db" in str(done.exception)
    assert not (tmp_path / "typo.db").exists()


def test_a_database_in_use_is_said_in_words(run, monkeypatch):
    monkeypatch.setattr(compacting, "PATIENCE", 0)
    engine = open_engine("sqlite:///crm.db")
    with engine.connect() as reader:
        reader.exec_driver_sql("BEGIN")
        reader.exec_driver_sql("SELECT * FROM crm_customer").all()
        said = run("erase", "ada", "--yes", "--compact", code=1)
    engine.dispose()
    assert "still reads an earlier state" in said
    assert json.loads(run("--json", "erase", "ada", "--compact", code=1))["compaction"] == {"done": True, "problem": ""}


def test_the_log_names_who_acts(run):
    run("--actor", "grace", "erase", "ada", "--yes")
    [entry] = json.loads(run("--json", "audit", "list"))
    assert (entry["actor"], entry["action"], entry["sealed"]) == ("grace", "customer erased", False)
    assert "grace" in run("audit", "list")


def test_the_log_is_verified(run):
    run("--actor", "grace", "erase", "ada", "--yes")
    assert "1 rows wait for their seal" in run("audit", "verify")
    run("work")
    found = json.loads(run("--json", "audit", "verify"))
    assert (found["rows"], found["seals"], found["broken"]) == (1, 1, None)
    assert found["last"] in run("audit", "verify", "--seal", found["last"])
    engine = open_engine("sqlite:///crm.db")
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE crm_audit SET actor = 'mallory'")
    assert "not as it was written" in run("audit", "verify", code=1)
    with engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM crm_audit")
        connection.exec_driver_sql("DELETE FROM crm_audit_seal")
    engine.dispose()
    assert "0 rows" in run("audit", "verify")
    assert "cut off" in run("audit", "verify", "--seal", found["last"], code=1)


def test_what_is_old_is_shown_and_goes_when_asked(run, tmp_path):
    (tmp_path / "crm.toml").write_text('[retention]\nevents = "30d"\n')
    assert [one["count"] for one in json.loads(run("--json", "retention"))] == [1]
    assert "seen" in run("retention")
    assert [one["name"] for one in json.loads(run("--json", "retention", "apply"))] == ["seen"]
    assert [one["count"] for one in json.loads(run("--json", "retention"))] == []


def test_work_says_how_much_was_deleted(run, tmp_path):
    assert "kept for long enough" not in run("work")
    (tmp_path / "crm.toml").write_text('[retention]\nevents = "30d"\n')
    assert "1 rows deleted or emptied" in run("work")


NAMES = '[retention.events]\nsene = "30d"\n"nothing_like_*" = "30d"\nseen = "30d"\n"se*" = "30d"\n"*" = "1d"\n'


def test_a_name_of_no_event_is_told_by_retention_and_doctor(run, tmp_path):
    (tmp_path / "crm.toml").write_text(NAMES)
    done = CliRunner().invoke(command, ["--db", "crm.db", "--json", "retention"])
    [first, second] = done.stderr.splitlines()
    assert first == "warning: [retention.events] has 'nothing_like_*', and no event in the log is called so"
    assert second == "warning: [retention.events] has 'sene', and no event in the log is called so; did you mean seen?"
    assert [one["name"] for one in json.loads(done.stdout)] == ["seen"]
    assert second in run("doctor")
    assert [f"warning: {one}" for one in json.loads(run("--json", "doctor"))["warnings"]] == [first, second]


def test_before_anything_has_happened_no_name_is_wrong(run, tmp_path):
    (tmp_path / "crm.toml").write_text(NAMES)
    assert json.loads(run("--workspace", "new", "--json", "doctor"))["warnings"] == []
