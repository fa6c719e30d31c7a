"""`crm segment upload`: whom a file lists; a line that cannot be taken is named, and nothing is changed."""

from __future__ import annotations

import gzip
import json

import pytest
from click.testing import CliRunner

from crmcore import CRM
from crmcore.cli import crm as command
from crmcore.errors import InvalidFile


@pytest.fixture
def shop(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with CRM("shop.db") as crm:
        for key in ("1", "2", "3"):
            crm.identify(key, {"email": f"{key}@example.com"})
        crm.upload_segment("press", ["3"])
    return tmp_path


@pytest.fixture
def upload(shop):
    def uploading(*words, given=None):
        words = ("--db", "shop.db", "--json", "segment", "upload", "press", *words)
        done = CliRunner().invoke(command, words, input=given)
        if isinstance(done.exception, InvalidFile):
            raise done.exception
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    return uploading


def members():
    with CRM("shop.db") as crm:
        return [one.key for one in crm.segment("press").members()]


def test_a_file_lists_one_customer_a_line_and_empty_lines_are_none(upload, shop):
    (shop / "press.txt").write_bytes(b"\xef\xbb\xbf1\r\n\r\n 2 \r\n1")
    assert upload("press.txt") == {"name": "press", "version": 1, "size": 2, "unknown": []}
    assert members() == ["1", "2"]


def test_it_may_come_in_through_a_pipe(upload):
    assert upload("-", given="2\n")["size"] == 1
    assert members() == ["2"]


@pytest.mark.parametrize("write", [lambda text: text.encode(), lambda text: gzip.compress(text.encode())])
def test_a_table_has_a_column_of_customers_and_they_may_be_named_otherwise_than_by_key(upload, shop, write):
    written = write('Name;E-Mail\n"Lovelace;\nAda";1@Example.com\nGrace;2@example.com\n')
    name = "press.csv.gz" if written[:2] == b"\x1f\x8b" else "press.csv"
    (shop / name).write_bytes(written)
    upload(name, "--column", "E-Mail", "--by", "email")
    assert members() == ["1", "2"]


def test_whoever_is_not_known_is_named_with_the_line_and_nothing_is_changed(upload):
    with pytest.raises(
        InvalidFile, match=r"stdin, line 2: no customer has the key 'x' \(line 2\), 'y' \(line 4\)"
    ) as it:
        upload("-", given="1\nx\n2\ny\n")
    assert [(one.line, one.customer) for one in it.value.fields["unknown"]] == [(2, "x"), (4, "y")]
    assert members() == ["3"]


def test_whoever_is_not_known_can_be_left_out(upload):
    assert upload("-", "--skip-unknown", given="1\nx\n2\n")["unknown"] == [{"line": 2, "customer": "x"}]
    assert members() == ["1", "2"]


WRONG = {
    "empty": (b"\n \n", (), "the file: it names no customer"),
    "all unknown": (b"x\n", ("--skip-unknown",), "no customer has the key 'x'"),
    "not an address": (b"1@example.com\nnobody\n", ("--by", "email"), "line 2: .*name@domain"),
    "not UTF-8": ("é\nü\n1".encode() + b"\xff\n", (), "line 3"),
    "no such column": (b"mail,age\n1,2\n", ("--column", "email"), "line 1: .*did you mean 'mail'"),
    "a short row": (b"key,age\n1,2\n3\n", ("--column", "key"), "line 3: it has 1 cells"),
    "a kind there is none of": (b"1@example.com\n", ("--by", "mail"), "kind mail, --by takes email, key"),
    "an empty cell": (b"key,age\n1,2\n,3\n", ("--column", "key"), "line 3"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_read_is_refused_with_file_and_line(upload, shop, case):
    written, words, said = WRONG[case]
    (shop / "press.txt").write_bytes(written)
    with pytest.raises(InvalidFile, match=f"(?s)press.txt, .*{said}"):
        upload("press.txt", *words)
    assert members() == ["3"]


def test_a_table_of_which_no_column_is_named_is_told_how(upload, shop):
    (shop / "press.csv").write_text("Name,Mail\nAda,1@example.com\n")
    with pytest.raises(InvalidFile, match=r"press.csv, .*--column says which is its column of customers"):
        upload("press.csv")


@pytest.mark.parametrize(("name", "said"), [("none.txt", "cannot be read"), ("press.xlsx", "its column of customers")])
def test_a_file_that_is_not_there_or_is_a_workbook_is_refused(upload, name, said):
    with pytest.raises(InvalidFile, match=said):
        upload(name)


def test_a_person_sees_the_size_and_a_few_of_those_left_out(shop):
    given = "".join(f"{number}\n" for number in range(1, 40))
    words = ["--db", "shop.db", "segment", "upload", "press", "-", "--skip-unknown"]
    told = CliRunner().invoke(command, words, input=given).stdout
    assert "36 lines were left out, 10 of them are shown" in told
    assert " 13 " in told
    assert " 14 " not in told


def test_with_json_an_error_lists_every_unknown_customer(shop, capsys):
    from crmcore.cli.output import spoken

    (shop / "press.txt").write_text("x\n" * 20)
    with pytest.raises(SystemExit), spoken(as_json=True):
        command(["--db", "shop.db", "--json", "segment", "upload", "press", "press.txt"], standalone_mode=False)
    assert len(json.loads(capsys.readouterr().err)["fields"]["unknown"]) == 20
