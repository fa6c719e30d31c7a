"""Files made to break the importer are refused, or taken line by line with a reason, and memory stays bounded."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import xlsxwriter

from crmcore.errors import InvalidFile
from crmcore.flow.importing.mapping import map_of
from crmcore.store import imports

PEOPLE = {"kind": "customers", "source": "x", "columns": {"customer": "id", "attributes": {"city": "city"}}}
DATED = {"kind": "customers", "source": "x", "columns": {"customer": "id", "at": "at"}}
GOOD = b"1,Bandung\n"


@pytest.fixture
def take(crm, tmp_path):
    def taking(data, made=PEOPLE, name="people.csv"):
        path = tmp_path / name
        path.write_bytes(data)
        return crm.import_file(path, map_of(made, path))

    return taking


def workbook(path: Path, rows, **options):
    book = xlsxwriter.Workbook(path, options)
    sheet = book.add_worksheet()
    for number, row in enumerate(rows):
        sheet.write_row(number, 0, row)
    book.close()
    return path


def packed(path: Path, sheet: bytes | list[bytes]) -> Path:
    """Write a workbook with a sheet of one's own making."""
    good = workbook(path.with_suffix(".good.xlsx"), [["id", "city"], ["1", "Bandung"]])
    with zipfile.ZipFile(good) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for member in source.infolist():
            if member.filename == "xl/worksheets/sheet1.xml":
                with made.open(member.filename, "w", force_zip64=True) as out:
                    for part in sheet if isinstance(sheet, list) else [sheet]:
                        out.write(part)
            else:
                made.writestr(member.filename, source.read(member))
    return path


def _refused(crm, import_id):
    with crm._opened.reading() as scope:
        return list(imports.refused(scope, import_id))


# -- spreadsheets -------------------------------------------------------------------------------------------------------


def test_a_zip_bomb_is_refused(crm, tmp_path):
    bomb = packed(
        tmp_path / "bomb.xlsx", [b"<worksheet><sheetData>", *[b" " * (1 << 20)] * 400, b"</sheetData></worksheet>"]
    )
    assert bomb.stat().st_size < 1 << 20
    with pytest.raises(InvalidFile, match="unpacks to more than"):
        crm.import_file(bomb, map_of(PEOPLE, bomb))


def test_a_sheet_that_spans_far_more_than_it_holds_is_refused(crm, tmp_path):
    far = b'<worksheet><sheetData><row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData></worksheet>'
    path = packed(tmp_path / "far.xlsx", far)
    with pytest.raises(InvalidFile, match="16,384 columns and 1,048,576 rows"):
        crm.import_file(path, map_of(PEOPLE, path))


@pytest.mark.parametrize("data", [b"", b"no zip", b"PK\x03\x04" + b"\0" * 100], ids=["empty", "text", "torn"])
def test_what_is_no_workbook_is_refused(take, data):
    with pytest.raises(InvalidFile, match=r"people\.xlsx"):
        take(data, name="people.xlsx")


def test_a_workbook_without_sheets_or_with_broken_xml_is_refused(crm, tmp_path):
    path = packed(tmp_path / "broken.xlsx", b"<worksheet><sheetData><row><c r='A1'><v>1</v>")
    with pytest.raises(InvalidFile, match=r"broken\.xlsx"):
        crm.import_file(path, map_of(PEOPLE, path))


def test_an_error_in_a_cell_refuses_its_line(crm, tmp_path):
    path = workbook(tmp_path / "errors.xlsx", [["id", "city"], ["1", "#REF!"], ["2", "Solo"]])
    done = crm.import_file(path, map_of(PEOPLE, path))
    assert (done.new, list(done.refused)) == (1, ["it holds the error #REF!"])


def test_a_sheet_that_is_not_there_is_an_error_naming_it(crm, tmp_path):
    path = workbook(tmp_path / "people.xlsx", [["id", "city"]])
    with pytest.raises(InvalidFile, match="Nowhere"):
        crm.import_file(path, map_of({**PEOPLE, "sheet": "Nowhere"}, path))


def test_a_sheet_that_is_hidden_or_holds_a_chart_is_not_the_first(crm, tmp_path):
    path = tmp_path / "hidden.xlsx"
    book = xlsxwriter.Workbook(path)
    chart = book.add_chart({"type": "line"})
    chart.add_series({"values": "=People!$A$1:$A$2"})
    book.add_chartsheet().set_chart(chart)
    book.add_worksheet("Lists").hide()
    sheet = book.add_worksheet("People")
    sheet.activate()
    sheet.write_row(0, 0, ["id", "city"])
    sheet.write_row(1, 0, ["1", "Solo"])
    book.close()
    crm.import_file(path, map_of(PEOPLE, path))
    assert crm.customer("1").attributes == {"city": "Solo"}


def test_empty_rows_before_the_header_are_passed_over_and_counted(crm, tmp_path):
    path = workbook(tmp_path / "low.xlsx", [[], [], ["id", "city"], ["1", "#REF!"], ["2", "Solo"]])
    done = crm.import_file(path, map_of(PEOPLE, path))
    assert (done.new, [one.number for one in _refused(crm, done.id)]) == (1, [4])


# -- what is no file at all ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["pipe.csv", "pipe.xlsx", "folder.csv"])
def test_a_device_pipe_or_folder_is_refused_before_it_is_read(crm, tmp_path, name):
    path = tmp_path / name
    path.mkdir() if name.startswith("folder") else os.mkfifo(path)
    with pytest.raises(InvalidFile, match="no regular file"):
        crm.import_file(path, map_of(PEOPLE, path))
    with pytest.raises(InvalidFile, match="no regular file"):
        crm.guess_mapping(path, "customers")


# -- text files ---------------------------------------------------------------------------------------------------------


def test_a_million_columns_are_refused(take):
    header = b",".join(b"c%d" % one for one in range(1_000_000))
    with pytest.raises(InvalidFile, match=r"characters|columns"):
        take(header + b"\n" + GOOD)


def test_a_million_cells_in_one_line_are_refused_with_that_line(take):
    done = take(b"id,city\n" + GOOD + b"," * 999_000 + b"\n2,Solo\n")
    assert (done.new, list(done.refused)) == (2, ["it has 999001 cells, the header 2"])


def test_a_line_without_end_is_refused(take):
    with pytest.raises(InvalidFile, match="line 1"):
        take(b"x" * 50_000_000)


def test_cells_of_10_mb_are_refused_with_their_line(crm, take):
    done = take(b"id,city\n" + GOOD + b"2," + b"x" * 10_000_000 + b"\n" + b'3,"' + b"y\n" * 200_000 + b'"\n4,Solo\n')
    assert done.new == 2
    assert sorted(reason[:30] for reason in done.refused) == [
        "it has 10,000,003 characters, ",
        "it is no valid CSV: more than ",
    ]
    assert [one.number for one in _refused(crm, done.id)] == [3, 4]


def test_nul_bytes_refuse_their_line(take):
    done = take(b"id,city\n" + GOOD + b"2,So\0lo\n3,Solo\n")
    assert done.new == 2
    assert "NUL" in next(iter(done.refused))


@pytest.mark.parametrize("header", [b"id,city,city\n", b"\0\0\0\0\n", b"\xff\xd8\xff\xe0\x00\x10JFIF\n", b",,\n"])
def test_a_header_that_names_no_columns_is_refused(take, header):
    with pytest.raises(InvalidFile, match=r"line 1|there is no column"):
        take(header + GOOD)


@pytest.mark.parametrize(
    "header",
    ["id,city,Preis\xa0(€)", '"id","city","Unit\nPrice"', "\n\nid,city,x", "\ufeff\ufeffid,city,x", "sep=,\nid,city,x"],
    ids=["blank of no width to break at", "line break", "empty lines", "two byte order marks", "hint for Excel"],
)
def test_a_header_as_office_programs_write_it_is_read(crm, take, header):
    assert take(f"{header}\n1,Solo,3\n".encode()).new == 1
    assert crm.customer("1").attributes == {"city": "Solo"}


def test_a_hint_for_excel_tells_the_delimiter(crm, take):
    take(b"sep=;\r\nid;city\r\n1;a, b, c\r\n")
    assert crm.customer("1").attributes == {"city": "a, b, c"}


def test_the_name_of_a_compressed_file_may_be_in_capitals(take):
    assert take(gzip.compress(b"id,city\n" + GOOD), name="PEOPLE.CSV.GZ").new == 1


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"encoding": "rot13"}, "no encoding of text"),
        ({"encoding": "utf-32"}, "cannot be read"),
        ({"encoding": "utf-16"}, "BOM"),
        ({"encoding": "idna"}, "cannot be read"),
        ({"timezone": "Europe"}, "IANA"),
        ({"at_format": "%d%d"}, "no form of times"),
        ({"formats": {"city": "%Y-%Q"}}, "no form of times"),
        ({"types": {"citty": "int"}}, "did you mean 'city'"),
        ({"formats": {"citty": "epoch"}}, "did you mean 'city'"),
        ({"suffixes": {"citty": "x"}}, "did you mean 'city'"),
    ],
)
def test_a_mapping_that_cannot_be_meant_is_an_error_naming_the_place(take, said, why):
    with pytest.raises(InvalidFile, match=why):
        take("id,city\n1,Köln\n".encode("cp1252"), made={**PEOPLE, **said})


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"])
def test_a_time_that_leaves_the_calendar_in_utc_refuses_its_line(take, text):
    done = take(
        f"id,city\n1,{text}\n2,2025-01-01T00:00:00+14:00\n".encode(), made={**PEOPLE, "types": {"city": "time"}}
    )
    assert (done.new, sum(done.refused.values())) == (1, 1)


def test_a_line_of_another_encoding_is_refused_where_the_file_is_utf8(take):
    done = take("id,city\n1,Zürich\n".encode() + "2,Köln\n".encode("latin-1") + b"3,Solo\n")
    assert (done.new, list(done.refused)) == (2, ["it is not UTF-8"])


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_other_encodings_are_found_out(crm, take, encoding):
    take("id,city\n1,Zürich\n2,Köln\n".encode(encoding))
    assert crm.customer("2").attributes == {"city": "Köln"}


def test_a_quote_that_is_never_closed_takes_no_other_line_with_it(take):
    done = take(b'id,city\n1,Solo\n2,"open\n' + b"".join(b"%d,Bandung\n" % one for one in range(3, 100_000)))
    assert (done.new, list(done.refused)) == (99_998, ["a quote is never closed"])


def test_a_cell_may_hold_line_breaks_quotes_and_delimiters(crm, take):
    take(b'id,city\r\n1,"a ""b"", c\r\nd"\r\n2,5" pipe\r\n3,Solo\r\n')
    assert [crm.customer(key).attributes["city"] for key in "123"] == ['a "b", c\r\nd', '5" pipe', "Solo"]


@pytest.mark.parametrize(
    ("text", "is_taken"),
    [
        ("0000-01-01", False),
        ("0001-01-01", True),
        ("9999-12-31T23:59:59+00:00", False),
        ("9999-12-31T23:59:59-23:59", False),
        ("99999-01-01", False),
        ("-1", False),
        ("2025-02-30", False),
        ("2025-01-01", True),
    ],
)
def test_dates_that_are_none_or_far_ahead_are_refused(take, text, is_taken):
    done = take(f"id,at\n1,{text}\n".encode(), made=DATED)
    assert (done.new, sum(done.refused.values())) == ((1, 0) if is_taken else (0, 1))


@pytest.mark.parametrize("number", ["1e999999999", "9" * 400, "1_000", "0x10", "--1", "1,2,3", "Infinity", "1.5"])
def test_numbers_that_are_none_or_too_large_are_refused(take, number):
    made = {"kind": "customers", "source": "x", "columns": {"customer": "id", "attributes": {"age": "age"}}}
    done = take(f"id;age\n1;{number}\n".encode(), made={**made, "types": {"age": "int"}})
    assert (done.new, sum(done.refused.values())) == (0, 1)


def test_json_that_is_nested_without_end_is_refused(take):
    made = {"kind": "events", "source": "x", "columns": {"customer": "id", "name": "what", "at": "at"}}
    made["columns"]["properties"] = {"deep": "deep"}
    done = take(
        b"id;what;at;deep\n1;seen;2025-01-01;" + b"[" * 100_000 + b"\n",
        made={**made, "types": {"deep": "json"}},
    )
    assert (done.new, sum(done.refused.values())) == (0, 1)


PEAK = """
import resource, sys
from pathlib import Path
from crmcore import CRM
from crmcore.errors import InvalidFile
from crmcore.flow.importing.mapping import map_of
from crmcore.store import imports

path = Path(sys.argv[1])
made = map_of({"kind": "customers", "source": "x", "columns": {"customer": "id", "attributes": {"city": "city"}}}, path)
with CRM(sys.argv[2]) as crm:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        crm.import_file(path, made)
    except InvalidFile:
        pass
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.parametrize("name", ["bomb.xlsx", "wide.csv", "endless.csv", "cells.csv"])
def test_memory_stays_bounded(tmp_path, database, name):
    path = tmp_path / name
    match name:
        case "bomb.xlsx":
            packed(path, [b"<worksheet>", *[b" " * (1 << 20)] * 600, b"</worksheet>"])
        case "wide.csv":
            path.write_bytes(b",".join(b"column-%d" % one for one in range(10_000_000)))
        case "endless.csv":
            path.write_bytes(b"id,city\n" + b"x" * 300_000_000)
        case "cells.csv":
            path.write_bytes(b"id,city\n" + b"".join(b"%d,%s\n" % (one, b"x" * 10_000_000) for one in range(20)))
    done = subprocess.run(
        [sys.executable, "-c", PEAK, path, database], capture_output=True, text=True, check=True, timeout=120
    )
    assert int(done.stdout) < 64
