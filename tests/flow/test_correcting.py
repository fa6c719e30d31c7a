"""Refused lines go out in a file of their own, and come back corrected: each waits once, until it is taken."""

from __future__ import annotations

import csv
import io

import pytest

from crmcore.flow.importing.mapping import map_of

PEOPLE = {"kind": "customers", "source": "list", "columns": {"customer": "id", "attributes": {"age": "age"}}}
MADE = {**PEOPLE, "types": {"age": "int"}}


@pytest.fixture
def take(crm, tmp_path):
    def taking(text, name="people.csv", source="list"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return crm.import_file(path, map_of({**MADE, "source": source}, path))

    return taking


@pytest.fixture
def refused(crm, tmp_path):
    """Return the rows of the file of an import's refused lines, its header first."""

    def reading(import_id):
        path = tmp_path / "refused.csv"
        crm.write_refused(import_id, path)
        with path.open(encoding="utf-8-sig", newline="") as file:
            return list(csv.reader(file))

    return reading


def waiting(crm):
    return [one.place for one in crm.quarantine()]


def as_text(rows, delimiter=","):
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(rows)
    return text.getvalue()


def test_only_what_is_corrected_is_settled(crm, take, refused):
    first = take("id,age\n1,x\n2,y\n")
    header, one, other = refused(first.id)
    second = take(as_text([header, [one[0], "31", *one[2:]], other]), "corrected.csv")
    assert (second.new, sum(second.refused.values())) == (1, 1)
    assert waiting(crm) == ["corrected.csv, line 3"]


def test_a_line_corrected_in_two_steps_waits_no_more(crm, take, refused):
    header, line = refused(take("id,age\n1,x\n").id)
    second = take(as_text([header, ["1", "thirty", *line[2:]]]), "second.csv")
    assert waiting(crm) == ["second.csv, line 2"]
    header, line = refused(second.id)
    assert take(as_text([header, ["1", "30", *line[2:]]]), "third.csv").new == 1
    assert waiting(crm) == []


def test_a_file_saved_again_by_a_spreadsheet_is_read_as_it_is(crm, take, refused):
    header, line = refused(take("id,age\n1,x\n").id)
    moved = [[header[2], header[1], header[0], header[3], ""], [line[2], "30", "Zoë", "Straße", ""]]
    done = take(as_text(moved, ";").encode("cp1252"), "moved.csv")
    assert (done.new, waiting(crm)) == (1, [])
    assert crm.customer("Zoë").attributes == {"age": 30}


def test_a_mapping_is_guessed_without_the_columns_of_reasons_wherever_they_stand(crm, tmp_path):
    path = tmp_path / "moved.csv"
    path.write_text("crm_line,id,age,crm_reason\n5:2,1,30,x\n")
    assert crm.guess_mapping(path, "customers").mapping.columns.attributes == {"age": "age"}


@pytest.mark.parametrize("mark", ["", "5", "5:", "x:2", f"{2**70}:2", f"5:{2**70}", "9" * 5000 + ":1", "٣:٤"])
def test_a_place_that_somebody_has_changed_keeps_no_line_from_being_taken(take, mark):
    assert take(f"id,age,crm_line,crm_reason\n1,30,{mark},\n").new == 1


def test_a_place_of_another_source_settles_nothing_there(crm, take):
    other = take("id,age\n1,x\n", source="other")
    take(f"id,age,crm_line,crm_reason\n1,30,{other.id}:2,\n", "mine.csv")
    assert waiting(crm) == ["people.csv, line 2"]


def test_lines_of_an_import_that_has_been_taken_back_are_taken_all_the_same(crm, take, refused):
    first = take("id,age\n1,x\n2,30\n")
    rows = refused(first.id)
    crm.undo_import(first.id)
    rows[1][1] = "31"
    assert take(as_text(rows), "corrected.csv").new == 1
    assert waiting(crm) == []


def test_cells_beyond_the_header_are_kept_so_that_nothing_is_cut_off_unseen(take, refused):
    [header, line] = refused(take("id,age\n1,3,0\n").id)
    assert line[:3] == ["1", "3", "0"]
    again = take(as_text([header, line]), "again.csv")
    assert (again.new, list(again.refused)) == (0, ["it has 5 cells, the header 4"])
