"""A mapping is guessed from header and cells, says what it rests on, and is the same when it is read again."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime
from decimal import Decimal

import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from crmcore.errors import InvalidFile
from crmcore.flow.importing import escaping, sniffing
from crmcore.flow.importing.mapping import KINDS, ColumnMap, Columns, Contact, map_of, to_toml

ORDERS = "Bestellnummer;Artikelnummer;Menge;Einzelpreis;Datum;Kundennummer;Ort\n"


@pytest.fixture
def guess(crm, tmp_path):
    def guessing(text, kind, name="file.csv", **given):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return crm.guess_mapping(path, kind, **given), path

    return guessing


def test_a_german_file_of_orders_is_understood(crm, guess):
    found, path = guess((ORDERS + '1;A;2;"1.234,50 €";31.12.2025 10:00;42;Köln\n').encode("cp1252"), "orders")
    assert found.notes == (
        "cp1252, semicolon-separated",
        "Datum: %d.%m.%Y %H:%M",
        "Menge, Einzelpreis: decimal comma",
    )
    assert found.mapping.currency == "EUR"
    crm.import_file(path, found.mapping)
    [order] = [one for one in crm.timeline("42") if one.name == "order_placed"]
    assert (order.amount, order.ref, order.at) == (246900, "1", 1767175200000000)


def test_what_is_said_of_the_encoding_and_the_delimiter_counts_for_the_header_too(guess):
    found, _ = guess("id|Größe,x\n1|2,y\n".encode("cp437"), "customers", delimiter="|", encoding="cp437")
    assert found.mapping.columns.attributes == {"grosse_x": "Größe,x"}
    with pytest.raises(InvalidFile, match="no encoding"):
        guess("id\n1\n", "customers", encoding="klingon")


def test_orders_without_any_sign_of_a_currency_need_one_said(guess):
    with pytest.raises(InvalidFile, match="--set currency=EUR"):
        guess(ORDERS + "1;A;2;1,5;31.12.2025;42;Köln\n", "orders")
    found, _ = guess(ORDERS + "1;A;2;1,5;31.12.2025;42;Köln\n", "orders", currency="CHF")
    assert found.mapping.currency == "CHF"


def test_days_and_months_that_cannot_be_told_apart_are_said(guess):
    found, _ = guess("id,Signup\n1,01/02/2025\n2,03/04/2025\n", "customers")
    assert any("cannot be told apart" in note for note in found.notes)
    found, _ = guess("id,Signup\n1,01/02/2025\n2,03/14/2025\n", "customers")
    assert found.mapping.formats == {"Signup": "%m/%d/%Y"}


def test_types_are_found_out_but_not_of_what_only_looks_like_a_number(crm, guess):
    found, path = guess(
        "id,Age,Postcode,Score,Member,Born,Seen,Note\n7,36,04103,1.5,yes,1815-12-10,2025-01-01 10:00,\n", "customers"
    )
    assert found.mapping.types == {
        "Age": "int",
        "Score": "decimal",
        "Member": "bool",
        "Born": "date",
        "Seen": "time",
    }
    crm.import_file(path, found.mapping)
    known = crm.customer("7").attributes
    assert (known["age"], known["postcode"], known["score"], known["member"]) == (36, "04103", Decimal("1.5"), True)
    assert (known["born"].isoformat(), known["seen"].isoformat()) == ("1815-12-10", "2025-01-01T10:00:00+00:00")


def test_a_list_without_ids_is_known_by_its_addresses(crm, guess):
    found, path = guess("E-Mail,First Name\nada@example.com,Ada\n", "customers")
    assert (found.mapping.identity, found.mapping.columns.customer) == ("email", "E-Mail")
    crm.import_file(path, found.mapping)
    assert crm.customer({"email": "ada@example.com"}).attributes == {"first_name": "Ada"}


def test_people_known_by_their_addresses_may_share_a_telephone(crm, guess):
    found, path = guess("Email,Phone\nada@example.com,+1 555\nben@example.com,+1 555\n", "customers")
    crm.import_file(path, found.mapping)
    ada, ben = (crm.customer({"email": f"{name}@example.com"}) for name in ("ada", "ben"))
    assert ada.id != ben.id
    assert ada.attributes["phone_number"] == ben.attributes["phone_number"] == "+1 555"


def test_events_consents_and_accounts_are_understood(crm, guess):
    events, path = guess("user id,event,timestamp,page,n\n1,page_viewed,2025-01-01,/shop,3\n", "events")
    crm.import_file(path, events.mapping)
    assert crm.timeline("1")[0].properties == '{"n":3,"page":"/shop"}'
    consents, path = guess(
        "customer,purpose,channel,granted,date,ip\n1,newsletter,email,no,2025-01-02,::1\n", "consents"
    )
    crm.import_file(path, consents.mapping)
    assert [(one.purpose, one.granted) for one in crm.customer("1").consents] == [("newsletter", False)]
    accounts, path = guess("account,name,parent,contact id,role,staff\nacme,Acme,top,1,buyer,7\n", "accounts")
    crm.import_file(path, accounts.mapping)
    acme = crm.account("acme")
    assert (acme.name, acme.ancestors, acme.attributes) == ("Acme", ("top",), {"staff": 7})
    assert [(one.key, one.role) for one in acme.members] == [("1", "buyer")]


@pytest.mark.parametrize(
    ("header", "kind", "said"),
    [
        ("a,b\n", "customers", "whose line it is"),
        ("id,b\n", "events", "called name or at"),
        ("order,item,qty,price\n", "orders", "whose line it is"),
    ],
)
def test_what_cannot_be_found_is_an_error_naming_the_columns_there_are(guess, header, kind, said):
    with pytest.raises(InvalidFile, match=said) as raised:
        guess(header, kind)
    assert header.split(",")[0] in str(raised.value)


def test_a_workbook_is_read_like_a_csv_file(crm, tmp_path):
    path = tmp_path / "orders.xlsx"
    book = xlsxwriter.Workbook(path, {"default_date_format": "dd.mm.yyyy hh:mm"})
    sheet = book.add_worksheet("Orders")
    sheet.write_row(0, 0, ["Order", "SKU", "Qty", "Price", "Date", "Customer"])
    sheet.write_row(1, 0, [1, "A", 2, 1.25])
    sheet.write_datetime(1, 4, datetime(2025, 12, 31, 10, 0))  # noqa: DTZ001 - a workbook knows no zones
    sheet.write(1, 5, 42)
    book.close()
    found = crm.guess_mapping(path, "orders", currency="EUR")
    assert crm.import_file(path, found.mapping).new == 1
    [order] = [one for one in crm.timeline("42") if one.name == "order_placed"]
    assert (order.amount, order.ref, order.at) == (250, "1", 1767175200000000)


columns = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=8)
maps = st.builds(
    ColumnMap,
    kind=st.sampled_from([kind for kind in KINDS if kind != "orders"]),
    source=columns.filter(str.strip),
    columns=st.builds(
        Columns,
        customer=columns.filter(bool),
        at=columns.filter(bool),
        name=columns.filter(bool),
        purpose=columns.filter(bool),
        account=columns.filter(bool),
        attributes=st.dictionaries(columns, columns, max_size=3),
    ),
    constants=st.dictionaries(st.sampled_from(["channel", "basis"]), columns, max_size=2),
    types=st.dictionaries(columns, st.sampled_from(["int", "date"]), max_size=2),
    decimal=st.sampled_from(".,"),
    contact=st.none()
    | st.builds(
        Contact,
        purposes=st.lists(columns, max_size=2).map(tuple),
        states=st.dictionaries(
            columns,
            st.dictionaries(st.text('ab*"\\\n é', max_size=5), st.sampled_from(["subscribed", "bounced"]), max_size=2),
            max_size=2,
        ),
    ),
    escaped=st.booleans(),
)


@settings(max_examples=100, deadline=None)
@given(maps)
def test_a_mapping_written_as_toml_is_read_as_the_same(tmp_path_factory, made):
    assert map_of(tomllib.loads(to_toml(made)), tmp_path_factory.getbasetemp()) == made


@given(st.text())
def test_a_cell_is_read_back_as_what_was_written_and_is_no_formula(text):
    cell = escaping.escaped(text)
    assert escaping.unescaped(cell) == text
    assert cell
    assert not cell.startswith(("=", "@", "\t", "\r")) or cell.startswith("'")
    assert not any(ord(sign) < 32 and sign not in "\t\n" for sign in cell)


@given(st.decimals(-(10**9), 10**9, places=2), st.sampled_from([".", ","]), st.booleans())
def test_a_number_is_read_with_either_decimal_sign_and_with_groups(number, sign, grouped):
    text = f"{number:,.2f}" if grouped else f"{number:.2f}"
    if sign == ",":
        text = text.translate(str.maketrans(",.", ".,"))
    assert sniffing.read_number(text, sign) == number
    assert sniffing.read_number(f"{text} €", sign) == number


@pytest.mark.parametrize("form", ["%d.%m.%Y", "%m/%d/%Y %I:%M %p", "%Y/%m/%d %H:%M:%S", "%d %B %Y", "%b %d, %Y", ""])
def test_every_format_is_told_from_the_others_by_days_after_the_twelfth(form):
    days = [datetime(2025, month, day, 13, 45, 10, tzinfo=UTC) for month, day in ((1, 13), (2, 28), (12, 31))]
    cells = [day.strftime(form) if form else day.isoformat() for day in days]
    assert sniffing.time_formats(cells) == [form]


def test_codes_are_no_numbers_and_a_number_that_begins_with_0_is_refused(crm, guess):
    lines = "".join(f"{n},{10000 + n},{n}\n" for n in range(1, 1500))
    found, path = guess(f"id,PLZ,room\n{lines}x,01067,007\n", "customers")
    assert (found.mapping.types.get("PLZ"), found.mapping.types["room"]) == (None, "int")
    done = crm.import_file(path, found.mapping)
    assert (done.new, list(done.refused)) == (
        1499,
        [
            "The value of column room is not valid: '007' begins with 0 as no number does; if these are codes, let the column be text."
        ],
    )
    assert crm.customer("7").attributes["plz"] == "10007"


def test_somebody_without_a_key_is_known_by_the_address(crm, guess):
    found, path = guess("id,email,city\n1,ada@example.com,Bandung\n,ben@example.com,Solo\n,,Nowhere\n", "customers")
    done = crm.import_file(path, found.mapping)
    assert (done.new, done.dropped) == (2, {"no customer": 1})
    assert crm.customer({"email": "ben@example.com"}).attributes["city"] == "Solo"


def test_what_contradicts_is_counted(crm, guess):
    found, path = guess("id,email\n1,ada@example.com\n2,ada@example.com\n", "customers")
    assert crm.import_file(path, found.mapping).contradictions == 1
    assert len(crm.contradictions()) == 1
