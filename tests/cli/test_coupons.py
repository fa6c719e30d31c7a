"""`crm coupon`: pools filled from files, and what is left in them."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from crmcore.cli import crm as command
from crmcore.errors import InvalidFile, InvalidValue


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def running(*words, given=None, as_json=True):
        done = CliRunner().invoke(command, ("--db", "shop.db", *["--json"] * as_json, "coupon", *words), input=given)
        if done.exception is not None:
            raise done.exception
        return json.loads(done.stdout) if as_json else done.stdout

    return running


def test_a_file_has_one_code_a_line_and_codes_it_had_before_stay(run, tmp_path):
    (tmp_path / "codes.txt").write_bytes(b"\xef\xbb\xbfA1\r\n\r\n B2 \nA1\n")
    assert run("add", "spring", "codes.txt") == {"source": "spring", "added": 2}
    assert run("add", "spring", "-", given="B2\nC3") == {"source": "spring", "added": 1}
    assert run("list") == [{"source": "spring", "free": 3, "reserved": 0, "redeemed": 0}]


def test_a_person_reads_a_table(run):
    run("add", "spring", "-", given="A1\n")
    assert "1 codes added to autumn" in run("add", "autumn", "-", given="A1\n", as_json=False)
    assert "spring" in run("list", as_json=False)


@pytest.mark.parametrize(("text", "error"), [(b"\xff\xfe\x00", InvalidFile), (b"x" * 201, InvalidValue)])
def test_a_file_of_something_else_is_refused(run, tmp_path, text, error):
    (tmp_path / "codes.txt").write_bytes(text)
    with pytest.raises(error):
        run("add", "spring", "codes.txt")


def test_a_file_that_is_not_there_is_refused(run):
    with pytest.raises(InvalidFile):
        run("add", "spring", "nothing.txt")
