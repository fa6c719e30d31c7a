"""Files come in once, line by line, and what does not fit is refused with its reason."""

from __future__ import annotations

import csv
import gzip
import io
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmcore.errors import InvalidFile
from crmcore.flow.importing.mapping import map_of, read_map
from crmcore.store.guarding import unguarded

ORDERS = """
kind = "orders"
source = "shop"
currency = "EUR"
returns_prefix = "R"
[columns]
customer = "Customer"
ref = "Order"
item = "Item"
quantity = "Quantity"
price = "Price"
at = "When"
attributes = { country = "Country" }
"""
HEADER = "Order,Item,Quantity,When,Price,Customer,Country\n"
LINE = "1,A,2,2025-05-01 10:00,1.25,42,Indonesia\n"


@pytest.fixture
def mapping(tmp_path):
    path = tmp_path / "orders.toml"
    path.write_text(ORDERS)
    return read_map(path)


@pytest.fixture
def take(crm, tmp_path, mapping):
    def taking(text, name="orders.csv"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return crm.import_file(path, mapping)

    return taking


def test_lines_become_items_and_an_order(crm, take):
    done = take(HEADER + LINE + "1,B,1,2025-05-01 10:01,0.505,42,Indonesia\n")
    assert (done.read, done.new, done.orders) == (2, 2, 1)
    assert [(one.name, one.item, one.amount) for one in crm.timeline("42")] == [
        ("item_ordered", "B", 51),
        ("order_placed", None, 301),
        ("item_ordered", "A", 250),
    ]
    assert crm.customer("42").attributes == {"country": "Indonesia"}


def test_a_return_is_a_return(crm, take):
    take(HEADER + "R1,A,-2,2025-05-01 10:00,1.25,42,\n")
    assert sorted(one.name for one in crm.timeline("42")) == ["item_returned", "order_returned"]


def test_equal_lines_of_one_file_all_count_and_the_same_file_again_changes_nothing(crm, take):
    assert take(HEADER + LINE * 3).new == 3
    again = take(HEADER + LINE * 3)
    assert (again.new, again.unchanged, again.orders) == (0, 3, 0)
    assert {one.name: (one.count, one.quantity) for one in crm.totals()} == {
        "item_ordered": (3, 6_000_000),
        "order_placed": (1, 6_000_000),
    }


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.sampled_from("12R"), st.sampled_from("AB"), st.integers(-2, 3), st.sampled_from(["1.25", "0", "x"])
        ),
        max_size=15,
    ),
    st.integers(0, 10**9),
)
def test_importing_twice_is_importing_once(open_crm, tmp_path, mapping, lines, number):
    crm = open_crm(f"twice-{number}.db")
    text = io.StringIO()
    csv.writer(text).writerows(
        [ref, item, quantity, "2025-05-01", price, "42", ""] for ref, item, quantity, price in lines
    )
    path = tmp_path / "twice.csv"
    path.write_text(HEADER + text.getvalue())
    first = crm.import_file(path, mapping)
    totals = crm.totals()
    second = crm.import_file(path, mapping)
    assert (second.new, second.orders, second.unchanged) == (0, 0, first.new + first.unchanged)
    assert crm.totals() == totals
    assert first.read == first.new + first.unchanged + sum(first.dropped.values()) + sum(first.refused.values())


def test_an_interrupted_import_goes_on_where_it_was(crm, tmp_path, mapping):
    path = tmp_path / "long.csv"
    path.write_text(HEADER + "".join(f"{n},A,1,2025-05-01 10:00,1,{n},\n" for n in range(2500)))
    stop = iter([None, KeyboardInterrupt])

    def stopping(_done, _total):
        if (what := next(stop)) is not None:
            raise what

    with pytest.raises(KeyboardInterrupt):
        crm.import_file(path, mapping, stopping)
    assert crm.totals()[0].count == 2000
    done = crm.import_file(path, mapping)
    assert (done.unchanged, done.new, done.orders) == (2000, 500, 500)
    assert crm.imports()[0].counts == {"read": 2500, "unchanged": 2000, "new": 2500, "orders": 2500}


def test_an_interrupted_import_does_not_go_on_with_another_mapping(crm, tmp_path, mapping):
    path = tmp_path / "long.csv"
    path.write_text(HEADER + "".join(f"{n},A,1,2025-05-01 10:00,1,{n},\n" for n in range(1500)))

    def stopping(_done, _total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        crm.import_file(path, mapping, stopping)
    people = map_of({"kind": "customers", "source": "shop", "columns": {"customer": "Customer"}}, path)
    other = crm.import_file(path, people)
    assert [(one.id == other.id, one.kind, one.state) for one in crm.imports()] == [
        (True, "customers", "done"),
        (False, "orders", "running"),
    ]
    again = crm.import_file(path, mapping)
    assert again.id == crm.imports()[1].id
    for one in (again, other):
        crm.undo_import(one.id)
    assert crm.totals() == []


def test_a_line_whose_sum_no_number_holds_is_refused_and_no_other_with_it(crm, take):
    most = "1,A,1,2025-05-01 10:00,40000000000000000,42,\n"
    done = take(HEADER + LINE + most + LINE.replace("42", "43") + most + LINE.replace("42", "44"))
    assert (done.read, done.new, sum(done.refused.values())) == (5, 4, 1)
    assert "64 bits" in next(iter(done.refused))
    assert [one.place for one in crm.quarantine()] == ["orders.csv, line 5"]


def test_what_orders_say_of_a_customer_holds_by_their_time_whatever_order_they_stand_in(crm, take):
    days = [("03", "Chile"), ("02", "Peru"), ("04", "Peru"), ("01", "Chile"), ("05", "Peru")]
    take(HEADER + "".join(f"1,A,1,2025-05-{day},1,42,{country}\n" for day, country in days))
    assert crm.customer("42").attributes == {"country": "Peru"}
    seen = [crm.customer("42", at=datetime(2025, 5, day, 12, tzinfo=UTC)).attributes["country"] for day in range(1, 6)]
    assert seen == ["Chile", "Peru", "Chile", "Peru", "Peru"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("1,A,two,2025-05-01 10:00,1.25,42,\n", "column Quantity"),
        ("1,A,NaN,2025-05-01 10:00,1.25,42,\n", "not finite"),
        ("1,A,1,yesterday,1.25,42,\n", "'yesterday'"),
        ("1,A,1,2925-05-01 10:00,1.25,42,\n", "5 minutes after now"),
        ("1,A,1,2025-05-01 10:00\n", "4 cells"),
        ('1,A,1,2025-05-01 10:00,1.25,"42\n43",\n', "line break"),
        ("1,A\0,1,2025-05-01 10:00,1.25,42,\n", "NUL"),
        (b"1,\xff,1,2025-05-01 10:00,1.25,42,\n", "UTF-8"),
        ("x" * 10_000_000 + "\n", "at most 1,000,000"),
    ],
    ids=["type", "nan", "time", "future", "cells", "break", "nul", "bytes", "10 MB"],
)
def test_a_line_that_does_not_fit_is_refused_with_its_reason_and_the_rest_goes_on(crm, take, line, reason):
    raw = line if isinstance(line, bytes) else line.encode()
    others = LINE.replace("Indonesia", "Österreich").encode()
    done = take(HEADER.encode() + others + raw + others.replace(b"42", b"43"))
    assert (done.new, sum(done.refused.values())) == (2, 1)
    [(place, why)] = _quarantine(crm)
    assert reason in why
    assert place == "line 3"


def _quarantine(crm):
    with crm._opened.reading() as scope:
        return unguarded(scope.connection).exec_driver_sql("SELECT place, reason FROM crm_quarantine").all()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("Order,Item,Quantity,When,Price,Custmer,Country\n", "did you mean 'Custmer'"),
        ("Order,Order,Quantity,When,Price,Customer,Country\n", "twice"),
    ],
)
def test_a_file_that_cannot_be_read_is_an_error_naming_the_place(crm, take, text, said):
    take(HEADER + LINE)
    with pytest.raises(InvalidFile, match=said):
        take(text, "other.csv")
    assert crm.totals()[0].count == 1


def test_a_missing_file_is_an_error(crm, mapping, tmp_path):
    with pytest.raises(InvalidFile, match=r"nope\.csv"):
        crm.import_file(tmp_path / "nope.csv", mapping)


@pytest.mark.parametrize(
    ("name", "data"),
    [("a.csv.gz", b"no gzip"), ("b.csv.gz", gzip.compress(b"x" * 5000, mtime=0)[:-20]), ("c.csv.xz", b"no xz")],
)
def test_a_broken_archive_is_an_error(crm, mapping, tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InvalidFile):
        crm.import_file(tmp_path / name, mapping)


def test_compressed_files_are_read(crm, take):
    assert take(gzip.compress((HEADER + LINE).encode()), "orders.csv.gz").new == 1


def test_a_byte_order_mark_is_no_part_of_the_header(take):
    assert take("\ufeff" + HEADER + LINE).new == 1


def test_a_time_without_zone_is_of_the_mappings(crm, tmp_path):
    path = tmp_path / "zone.toml"
    path.write_text(ORDERS.replace('currency = "EUR"', 'currency = "EUR"\ntimezone = "Asia/Jakarta"'))
    (tmp_path / "orders.csv").write_text(HEADER + LINE)
    crm.import_file(tmp_path / "orders.csv", read_map(path))
    assert crm.timeline("42")[0].at == 1746068400000000


def test_customers_and_events_come_in_too(crm, tmp_path):
    (tmp_path / "people.csv").write_text("id,mail\n7,ada@example.com\n,\n")
    people = map_of(
        {"kind": "customers", "source": "crm", "columns": {"customer": "id", "attributes": {"email": "mail"}}}, tmp_path
    )
    assert crm.import_file(tmp_path / "people.csv", people).dropped == {"no customer": 1}
    assert crm.customer({"email": "ada@example.com"}).key == "7"
    (tmp_path / "events.csv").write_text("id,what,when,page\n7,page_viewed,2025-05-01,/shop\n")
    columns = {"customer": "id", "name": "what", "at": "when", "properties": {"page": "page"}}
    events = map_of({"kind": "events", "source": "web", "columns": columns}, tmp_path)
    crm.import_file(tmp_path / "events.csv", events)
    assert crm.timeline("7")[0].properties == '{"page":"/shop"}'


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("customer =", "custmer ="), "extra fields"),
        (('customer = "Customer"', ""), "need a column for customer"),
        (('currency = "EUR"', ""), "orders need one"),
        (('currency = "EUR"', 'currency = "euro"'), "ISO 4217"),
        (('source = "shop"', 'source = "shop"\ntimezone = "Mars/Base"'), "IANA"),
        (("[columns]", "[columns"), "the mapping"),
        (('source = "shop"', 'source = ""'), "source: it is empty"),
        (('source = "shop"', "source = 5"), "source"),
        (('source = "shop"', 'source = "shop"\nescaped = "yes"'), "escaped"),
        (('"Customer"', '["Customer"]'), "customer"),
        (('"Country" }', '"Country" }\n[contact]\npurposes = "newsletter"'), "purposes"),
    ],
)
def test_a_mapping_that_says_nothing_is_an_error_naming_the_place(tmp_path, change, said):
    path = tmp_path / "bad.toml"
    path.write_text(ORDERS.replace(*change))
    with pytest.raises(InvalidFile, match=said):
        read_map(path)


def test_a_line_that_does_not_fit_what_its_source_declares_is_refused_until_the_plan_is_mended(crm, tmp_path, take):
    plan = {"name": "shop", "events": {"item_ordered": {"needs": ["item"]}, "order_placed": {}}, "attributes": {}}
    crm.declare_source(plan)
    done = take(HEADER + LINE + LINE.replace("Indonesia", ""))
    assert (done.new, len(done.refused)) == (1, 1)
    assert "country" in next(iter(done.refused))
    assert take(HEADER + LINE + LINE.replace("Indonesia", "")).new == 0
    assert len(crm.quarantine()) == 1
    crm.declare_source({**plan, "attributes": {"country": "text"}})
    again = take(HEADER + LINE + LINE.replace("Indonesia", ""))
    assert (again.new, again.unchanged, again.refused, crm.quarantine()) == (1, 1, {}, [])
    [order] = [one for one in crm.timeline("42") if one.name == "order_placed"]
    assert order.amount == 500


def test_a_line_refused_by_two_imports_waits_once(crm, take):
    bad = LINE.replace(",2,", ",two,")
    first, second = take(HEADER + bad), take(HEADER + bad, "again.csv")
    assert [sum(one.refused.values()) for one in (first, second)] == [1, 1]
    assert [one.place for one in crm.quarantine()] == ["again.csv, line 2"]
