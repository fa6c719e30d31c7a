"""`crm import` and `crm imports` as a person meets them."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from crmcore.cli import crm

CONTACTS = "id,Email,City\n1,ada@example.com,Bandung\n2,nobody,Solo\n"


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "contacts.csv").write_text(CONTACTS)

    def running(*words, code=0):
        done = CliRunner().invoke(crm, ["--db", "crm.db", *map(str, words)])
        assert done.exit_code == code, done.output
        return done

    return running


def test_a_guessed_mapping_is_shown_and_nothing_is_written_unasked(run):
    done = run("import", "contacts.csv", "--as", "customers", code=2)
    assert 'customer = "id"' in done.stderr
    assert "utf-8, comma-separated" in done.stderr
    assert "--yes" in done.stderr
    assert json.loads(run("--json", "imports", "list").stdout) == []


def test_a_dry_run_shows_what_would_change(run):
    done = run("import", "contacts.csv", "--as", "customers", "--dry-run")
    assert "Dry run: nothing was written" in done.stdout
    assert 'city: "Bandung"' in done.stdout
    assert "name@domain" in done.stdout
    assert json.loads(run("--json", "imports", "list").stdout) == []


def test_refused_lines_come_back_in_a_file_that_is_corrected_and_imported(run, tmp_path):
    done = json.loads(
        run("--json", "import", "contacts.csv", "--as", "customers", "--yes", "--set", "source=list").stdout
    )
    assert (done["new"], done["refused_file"]) == (1, "contacts.csv.refused.csv")
    refused = tmp_path / "contacts.csv.refused.csv"
    text = refused.read_text(encoding="utf-8-sig")
    assert text.splitlines()[1].startswith(f"2,nobody,Solo,{done['id']}:3,")
    refused.write_text(text.replace("nobody", "ben@example.com"), encoding="utf-8")
    again = json.loads(
        run("--json", "import", refused.name, "--as", "customers", "--yes", "--set", "source=list").stdout
    )
    assert (again["read"], again["new"], again["refused_file"]) == (1, 1, None)
    whole = json.loads(
        run("--json", "import", "contacts.csv", "--as", "customers", "--yes", "--set", "source=list").stdout
    )
    assert (whole["new"], whole["unchanged"]) == (0, 1)


def test_refused_lines_are_written_beside_their_file_and_never_over_it(run, tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "contacts.csv").write_text(CONTACTS)
    done = json.loads(run("--json", "import", "sub/contacts.csv", "--as", "customers", "--yes").stdout)
    assert done["refused_file"] == "sub/contacts.csv.refused.csv"
    words = ("import", "contacts.csv", "--as", "customers", "--yes", "--refused", "sub/../contacts.csv")
    assert "overwrite" in run(*words, code=2).stderr
    assert (tmp_path / "contacts.csv").read_text() == CONTACTS


def test_a_saved_mapping_is_given_back(run, tmp_path):
    run("import", "contacts.csv", "--as", "customers", "--save-map", "map.toml")
    assert not json.loads(run("--json", "imports", "list").stdout)
    text = (tmp_path / "map.toml").read_text()
    (tmp_path / "map.toml").write_text(text.replace("city = ", "town = "))
    done = run("import", "contacts.csv", "--map", "map.toml")
    assert "Refused lines are in contacts.csv.refused.csv" in done.stdout
    assert json.loads(run("--json", "customer", "1").stdout)["customer"]["attributes"]["town"] == "Bandung"


def test_an_import_is_taken_back_by_its_id(run):
    done = json.loads(run("--json", "import", "contacts.csv", "--as", "customers", "--yes").stdout)
    assert "identities taken back" in run("imports", "undo", done["id"]).stdout
    [listed] = json.loads(run("--json", "imports", "list").stdout)
    assert listed["state"] == "undone"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("contacts.csv",), "--as customers|orders"),
        (("contacts.csv", "--as", "customers", "--set", "colour=red"), "KEY one of"),
        (("contacts.csv", "--as", "orders", "--map", "map.toml"), "a mapping of customers, not of orders"),
    ],
)
def test_what_is_missing_or_contradicts_is_said(run, words, said):
    run("import", "contacts.csv", "--as", "customers", "--save-map", "map.toml")
    assert said in run("import", *words, code=2).stderr


def test_what_files_hold_does_not_speak_to_the_terminal(run, tmp_path):
    (tmp_path / "red.csv").write_text("id,city\n1,\x1b[31mred\n")
    run("import", "red.csv", "--as", "customers", "--yes")
    shown = run("customer", "1").stdout
    assert "\x1b[31mred" not in shown
    assert "\\x1b[31mred" in shown


def test_contradictions_of_a_file_are_said_and_listed(run, tmp_path):
    (tmp_path / "shared.csv").write_text("id,email\n1,ada@example.com\n2,ada@example.com\n")
    assert "contradictions" in run("import", "shared.csv", "--as", "customers", "--yes").stdout
    assert "ada@example.com" in run("contradictions").stdout
