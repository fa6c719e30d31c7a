"""What is exported is read back without loss, and opens no formula in anybody's spreadsheet."""

from __future__ import annotations

import csv
import json
import re
import sys
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count

import attrs
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmcore.errors import InvalidFile, InvalidName, MergeConflict, MissingExtra, UnknownCustomer
from crmcore.flow.importing.escaping import escaped, unescaped
from crmcore.flow.importing.mapping import read_map, to_toml
from crmcore.model import verbs
from crmcore.model.building import everyone
from crmcore.model.campaign import Campaign
from crmcore.model.identity import Identity
from crmcore.model.money import Money
from crmcore.store import paging, wholes
from crmcore.testing.strategies import texts, values

NUMBERS = count()
NOW = 1_000_000
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEYS = [{"key": "A"}, {"key": "=B"}, {"key": "-7"}]
OTHERS = [
    {"email": "x@example.com"},
    {"email": "y@example.com"},
    {"phone": "+4930"},
    {"device": "'d"},
    {"cookie": "@n"},
]
UNIVERSE = [Identity(kind, value) for one in KEYS + OTHERS for kind, value in one.items()]

#: What files, spreadsheets and parsers stumble over.
NASTY = "=+-@'\"\\,;|{}[]:\t\n\r \x01\x1c\x7f\x85\xa0\u2028\ufeff\u202eא漢😀\uff1dN0"
text = st.one_of(texts(), st.text(NASTY, max_size=8), st.sampled_from(["", "'", "\\x41", "{}", "1e5", "007", "null"]))
value = st.one_of(values(), text)
one_name = st.sampled_from(KEYS + OTHERS)
names = st.one_of(one_name, st.tuples(one_name, one_name).map(lambda two: two[0] | two[1]))
times = st.one_of(st.integers(1, 12), st.integers(-(10**12), NOW), st.sampled_from([-(2**62), 0]))
channel = st.sampled_from(["*", "email"])
fields = st.dictionaries(st.sampled_from(["city", "key", "written", "identity", "a_1"]), value, max_size=3)
proof = st.dictionaries(st.sampled_from(["form", "ip"]), value, max_size=2)


def said(verb, *arguments, **named):
    return st.builds(lambda *given, **given_named: verb(NOW, *given, **given_named), *arguments, **named)


facts = st.one_of(
    said(verbs.identify, names, fields, tags=st.lists(st.sampled_from(["vip", "gold"])), at=times),
    said(verbs.identify, one_name, untags=st.just(["vip"]), at=times),
    said(verbs.identify, one_name, st.sampled_from([{"email": "x@example.com"}, {"phone": "+49 30"}]), at=times),
    said(
        verbs.consent,
        names,
        st.sampled_from(["retention", "newsletter"]),
        granted=st.booleans(),
        channel=channel,
        basis=st.sampled_from(["consent", "contract"]),
        text_version=text,
        proof=proof,
        at=times,
    ),
    said(verbs.subscribe, names, st.just("news"), wanted=st.booleans(), channel=channel, at=times),
    said(
        verbs.suppress,
        one_name,
        address=st.one_of(st.none(), one_name),
        channel=channel,
        reason=st.sampled_from(["manual", "bounce"]),
        until=st.one_of(st.none(), st.integers(1, 2**60)),
        at=times,
    ),
    said(
        verbs.group,
        st.sampled_from(["acme", "=evil"]),
        customer=names,
        role=text,
        member=st.booleans(),
        at=times,
    ),
)
money = st.one_of(
    st.none(), st.builds(Money, st.integers(-(2**62), 2**62), st.sampled_from(["EUR", "JPY", "KWD", "CLF"]))
)
events = said(
    verbs.event,
    st.sampled_from(["seen", "bought"]),
    names,
    at=times,
    item=st.one_of(st.none(), text),
    quantity=st.one_of(st.none(), st.integers(-(2**42), 2**42), st.decimals(-100, 100, places=6)),
    amount=money,
    ref=st.one_of(st.none(), text),
    properties=st.dictionaries(
        texts(5).filter(lambda name: not name.startswith("$")), st.one_of(value, st.lists(value)), max_size=3
    ),
    source=st.one_of(st.none(), st.sampled_from(["shop", "=web"])),
    message_id=st.one_of(st.none(), st.sampled_from(["m1", "m2"])),
)
unions = st.one_of(
    said(verbs.merge, one_name, one_name, at=times, force=st.booleans()),
    said(verbs.unmerge, one_name, one_name, at=times),
)
statements = st.lists(st.one_of(facts, facts, events, unions), max_size=12)
slow = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def say(crm, statements):
    for one in statements:
        with suppress(MergeConflict):
            crm._say([one])


def everybody(crm):
    """Each customer as what it is called: all that holds with its times, and what happened; ids are nobody's business."""
    with crm._opened.reading() as scope:
        found = [one for page in wholes.pages(scope) for one in page]
    return {one.lead: (one, *_seen(crm, one.lead)) for one in found}


def _seen(crm, name):
    view = crm.customer(name)
    happened = [
        (one.name, one.at, one.item, one.quantity, one.amount, one.currency, one.ref, one.properties)
        for one in crm.timeline(name)
    ]
    shown = (view.identities, dict(view.attributes), view.tags, view.consents, view.subscriptions)
    return (*shown, view.suppressed, view.accounts, view.sums, happened)


def take(crm, path, kind):
    done = crm.import_file(path, crm.guess_mapping(path, kind).mapping)
    assert (done.refused, done.dropped) == ({}, {})
    return done


@pytest.mark.parametrize("suffix", ["csv", "arrow"])
@slow
@given(statements, st.permutations(["customers", "events"]))
def test_an_export_read_into_an_empty_store_gives_the_same_store(open_crm, tmp_path, suffix, said, kinds):
    number = next(NUMBERS)
    there, here = open_crm(f"there-{number}.db"), open_crm(f"here-{number}.db")
    say(there, said)
    for kind in kinds:
        there.export_file(kind, tmp_path / f"{kind}.{suffix}")
    for kind in kinds:
        take(here, tmp_path / f"{kind}.{suffix}", kind)
    assert everybody(here) == everybody(there)
    for kind in kinds:
        here.export_file(kind, tmp_path / f"again.{suffix}")
        assert (tmp_path / f"again.{suffix}").read_bytes() == (tmp_path / f"{kind}.{suffix}").read_bytes()


@slow
@given(statements)
def test_an_export_read_into_the_store_it_came_from_changes_nothing_but_the_date_of_a_no(open_crm, tmp_path, said):
    crm = open_crm(f"own-{next(NUMBERS)}.db")
    say(crm, said)
    before = {name: undated(*one) for name, one in everybody(crm).items()}
    for kind in ("customers", "events"):
        crm.export_file(kind, tmp_path / f"{kind}.csv")
        take(crm, tmp_path / f"{kind}.csv", kind)
    assert {name: undated(*one) for name, one in everybody(crm).items()} == before


def undated(whole, identities, attributes, tags, consents, wishes, *rest):
    """A no that is said again of customers who were joined is dated by their joining."""
    yes_or_no = [attrs.evolve(one, at=0) for one in (*consents, *wishes)]
    return identities, attributes, tags, yes_or_no, *rest, whole.memberships, whole.suppressions


# -- examples ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def shop(crm):
    crm.identify("42", {"email": "ada@example.com", "city": "Bandung", "age": 36}, tags=["vip"])
    crm.identify({"key": "43", "email": "bob@example.com"}, {"city": "", "born": None})
    crm.consent("42", "newsletter", channel="email", proof={"form": "/join"})
    crm.suppress("43", address={"email": "bob@example.com"}, reason="bounce")
    crm.group("acme", customer="42", role="buyer")
    crm.track("order_placed", "42", amount=Money.of("12.50", "EUR"), quantity=2, ref="o1", properties={"new": True})
    crm.track("page_viewed", {"anonymous": "n"}, source="web")
    return crm


@pytest.fixture
def exported(shop, tmp_path):
    def exporting(kind, suffix="csv"):
        shop.export_file(kind, tmp_path / f"{kind}.{suffix}")
        return tmp_path / f"{kind}.{suffix}"

    return exporting


def rows(path):
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def rewritten(path, change):
    """Change the rows of a file, as somebody does in a spreadsheet."""
    changed = [change(row) for row in rows(path)]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(changed[0]))
        writer.writeheader()
        writer.writerows(changed)
    return path


def test_a_row_is_readable(exported):
    [nobody, ada, bob] = rows(exported("customers"))
    assert (nobody["key"], nobody["identity.anonymous"]) == ("", "n")
    assert [ada[name] for name in ("key", "identity.email", "city", "age:int", "tags")] == [
        "42",
        "ada@example.com",
        "Bandung",
        "36",
        "vip",
    ]
    assert json.loads(ada["consents"])[0]["proof"] == {"form": "/join"}
    assert json.loads(ada["accounts"]) == [{"account": "acme", "role": "buyer", "since": "2026-03-01T12:00:00.000000Z"}]
    assert json.loads(bob["suppressions"])[0]["address"] == {"email": "bob@example.com"}
    assert bob["city"] == "'"
    [placed, _] = rows(exported("events"))
    assert [placed[name] for name in ("at", "event", "customer", "quantity", "amount", "currency")] == [
        "2026-03-01T12:00:00.000000Z",
        "order_placed",
        "42",
        "2",
        "12.5",
        "EUR",
    ]


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(text)
def test_a_text_is_read_back_and_no_spreadsheet_takes_its_cell_for_a_formula(said):
    cell = escaped(said)
    assert unescaped(cell) == said
    assert cell
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) or re.fullmatch(r"[+-]\d+(\.\d+)?", cell)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", cell)


def test_json_holds_no_control_characters(crm, tmp_path):
    crm.track("seen", "1", properties={"page": "\x85\x7f\x01"})
    crm.export_file("events", tmp_path / "events.csv")
    [row] = rows(tmp_path / "events.csv")
    assert row["properties"] == r'{"page":"\u0085\u007f\u0001"}'


def test_an_attribute_with_values_of_several_types_has_a_column_for_each(crm, tmp_path):
    crm.identify("1", {"size": 4})
    crm.identify("2", {"size": "four"})
    crm.export_file("customers", tmp_path / "customers.csv")
    assert [(row["size"], row["size:int"]) for row in rows(tmp_path / "customers.csv")] == [("", "4"), ("four", "")]


def test_a_text_too_long_for_a_csv_cell_is_refused_there_and_travels_in_arrow(open_crm, crm, tmp_path):
    crm.identify("1", {"story": "x" * 200_000})
    for suffix in ("csv", "arrow"):
        crm.export_file("customers", tmp_path / f"customers.{suffix}")
    here, path = open_crm("here.db"), tmp_path / "customers.csv"
    [reason] = here.import_file(path, here.guess_mapping(path, "customers").mapping).refused
    assert "131,072 characters" in reason
    take(here, tmp_path / "customers.arrow", "customers")
    assert here.customer("1").attributes == crm.customer("1").attributes


def test_customers_joined_by_force_come_back_as_one(open_crm, crm, tmp_path):
    crm.identify({"key": "1", "email": "a@example.com"})
    crm.identify({"key": "2", "email": "b@example.com"})
    crm.merge("2", "1", force=True)
    crm.export_file("customers", tmp_path / "customers.csv")
    here = open_crm("here.db")
    take(here, tmp_path / "customers.csv", "customers")
    assert here.customer("2").identities == crm.customer("1").identities
    assert here.customer("2").key == "1"


@pytest.mark.parametrize("suffix", ["csv", "csv.gz", "arrow", "feather", "ipc"])
def test_every_format_is_read_back(open_crm, exported, suffix):
    here = open_crm("here.db")
    for kind in ("customers", "events"):
        take(here, exported(kind, suffix), kind)
    assert here.customer("42").attributes == {"age": 36, "city": "Bandung", "email": "ada@example.com"}
    assert here.timeline("42")[0].amount == 1250


def test_an_event_that_has_come_in_by_one_way_does_not_come_in_by_another(open_crm, shop, exported, tmp_path):
    here = open_crm("here.db")
    take(here, exported("events"), "events")
    shop.track("order_placed", "42", ref="o2")
    take(here, exported("events", "arrow"), "events")
    assert [one.ref for one in here.timeline("42")] == ["o2", "o1"]
    here.export_file("events", tmp_path / "back.csv")
    before = shop.totals()
    take(shop, tmp_path / "back.csv", "events")
    assert shop.totals() == before


def test_an_event_whose_message_id_its_sender_gave_is_known_by_it(open_crm, crm, tmp_path):
    here = open_crm("here.db")
    for one in (crm, here):
        one.track("seen", "1", message_id="from the feed")
    crm.export_file("events", tmp_path / "events.csv")
    take(here, tmp_path / "events.csv", "events")
    assert len(here.timeline("1")) == 1


def test_an_import_of_an_export_is_taken_back_and_can_be_done_again(open_crm, shop, exported):
    here = open_crm("here.db")
    done = [take(here, exported(kind), kind) for kind in ("customers", "events")]
    whole = everybody(here)
    for one in reversed(done):
        here.undo_import(one.id)
    assert everybody(here) == {}
    for kind in ("customers", "events"):
        take(here, exported(kind), kind)
    assert everybody(here) == whole == everybody(shop)


def test_a_dry_run_says_what_an_export_would_change(shop, exported, tmp_path):
    path = exported("customers")
    assert shop.preview_import(path, shop.guess_mapping(path, "customers").mapping).changed == 0
    rewritten(path, lambda row: row | {"city": "Jakarta"})
    lines = shop.preview_import(path, shop.guess_mapping(path, "customers").mapping).lines
    assert [(one.who, [(each.old, each.new) for each in one.changes]) for one in lines] == [
        ("anonymous n", [(None, "Jakarta")]),
        ("key 42", [("Bandung", "Jakarta")]),
        ("key 43", [("", "Jakarta")]),
    ]


def test_a_cell_that_was_changed_by_hand_holds_and_the_others_keep_their_dates(shop, exported, clock):
    path = rewritten(
        exported("customers"), lambda row: row | {"city": "Jakarta" if row["key"] == "42" else row["city"]}
    )
    clock.turn("1h")
    shop.identify("42", {"age": 37})
    take(shop, path, "customers")
    assert shop.customer("42").attributes == {"age": 37, "city": "Jakarta", "email": "ada@example.com"}
    assert shop.customer("43").attributes["city"] == ""


def test_a_column_and_a_tag_that_were_added_by_hand_are_taken(shop, exported):
    path = rewritten(exported("customers"), lambda row: row | {"Shoe size": "44", "tags": "vip, tall"})
    take(shop, path, "customers")
    assert shop.customer("42").attributes["shoe_size"] == "44"
    assert shop.customer("42").tags == ("tall", "vip")


@pytest.mark.parametrize(
    ("column", "cell", "reason"),
    [
        ("consents", "yes", "column consents"),
        ("consents", '[{"purpose":"fun"}]', "retention"),
        ("consents", '[{"purpose":"newsletter","customer":"1"}]', "column consents"),
        ("topics", '{"topic":"news"}', "column topics"),
        ("accounts", '[{"role":"buyer"}]', "column accounts"),
        ("written", '{"city":[]}', "column written"),
        ("seen:time", "9" * 18, "column seen:time"),
        ("written", "[]x", "column written"),
        ("identities", '{"email":5}', "column identities"),
        ("age:int", "old", "column age:int"),
        ("size:int", "4", "another column"),
    ],
)
def test_a_row_that_was_spoilt_is_refused_with_its_reason_and_taken_once_it_is_corrected(
    open_crm, exported, tmp_path, column, cell, reason
):
    here = open_crm("here.db")

    def spoil(row):
        return row | {"size": "", column: row.get(column)} | ({"size": "4", column: cell} if row["key"] == "42" else {})

    path = rewritten(exported("customers"), spoil)
    done = here.import_file(path, here.guess_mapping(path, "customers").mapping)
    [said] = done.refused
    assert (done.new, reason in said) == (2, True)
    here.write_refused(done.id, tmp_path / "refused.csv")
    take(here, rewritten(tmp_path / "refused.csv", lambda row: row | {column: "", "size": ""}), "customers")
    assert here.customer("42").key == "42"


def test_the_ledger_is_exported_and_takes_nothing_in(shop, recorder, exported):
    shop.save_template("hello", "note", {"text": "hello"})
    shop.launch(Campaign(name="c", purpose="service", audience=everyone(), channel="note", template="hello"))
    shop.work()
    path = exported("deliveries")
    found = {row["customer"]: (row["campaign"], row["state"], row["reason"]) for row in rows(path)}
    assert found == {one.key or "n": ("c", one.state, one.reason) for one in shop.deliveries("c")}
    for kind in ("events", "customers"):
        with pytest.raises(InvalidFile, match="an export of deliveries"):
            shop.guess_mapping(path, kind)


def test_an_export_of_another_kind_is_refused(shop, exported):
    with pytest.raises(InvalidFile, match="import it --as events"):
        shop.guess_mapping(exported("events"), "customers")


def test_a_mapping_kept_of_an_export_reads_the_next_one(open_crm, shop, exported, tmp_path):
    (tmp_path / "map.toml").write_text(to_toml(shop.guess_mapping(exported("customers"), "customers").mapping))
    here = open_crm("here.db")
    assert here.import_file(exported("customers"), read_map(tmp_path / "map.toml")).new == 3


def test_what_is_written_meanwhile_is_not_in_an_export(open_crm, shop, tmp_path, monkeypatch):
    monkeypatch.setattr(paging, "PAGE", 1)
    other, seen = open_crm("crm.db"), []

    def write(done, total):
        seen.append((done, total))
        other.track("page_viewed", "42")

    assert shop.export_file("events", tmp_path / "events.csv", write).rows == 2
    assert seen == [(1, 2), (2, 2)]
    assert len(shop.timeline("42")) == 3


def test_an_export_holds_what_a_hosts_transaction_has_committed(shop, tmp_path):
    with shop._opened.engine.begin() as connection:
        shop.using(connection).track("order_placed", "42", ref="o2")
    assert shop.export_file("events", tmp_path / "events.csv").rows == 3


def test_an_interrupted_export_leaves_the_file_that_was_there(shop, tmp_path):
    path = tmp_path / "events.csv"
    path.write_text("before")

    def stop(_done, _total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        shop.export_file("events", path, stop)
    assert [one.name for one in tmp_path.glob("*events*")] == ["events.csv"]
    assert path.read_text() == "before"


@pytest.mark.parametrize("name", ["customers.xlsx", "customers", "nowhere/customers.csv"])
def test_a_file_that_cannot_be_written_is_an_error(shop, tmp_path, name):
    with pytest.raises(InvalidFile, match=name):
        shop.export_file("customers", tmp_path / name)


def test_what_cannot_be_exported_is_an_error(shop, tmp_path):
    with pytest.raises(InvalidName, match="one of customers, events, deliveries"):
        shop.export_file("orders", tmp_path / "orders.csv")


# -- Arrow ------------------------------------------------------------------------------------------------------------


def test_an_arrow_file_is_typed_and_parquet_takes_it(exported, tmp_path):
    found = pa.ipc.open_file(exported("events", "arrow")).read_all()
    assert found.column("at").to_pylist()[0] == NOON
    assert found.column("amount").to_pylist() == [Decimal("12.500000"), None]
    for kind in ("customers", "events", "deliveries"):
        table = pa.ipc.open_file(exported(kind, "arrow")).read_all()
        pa.parquet.write_table(table, tmp_path / "it.parquet")
        assert pa.parquet.read_table(tmp_path / "it.parquet").equals(table)


def test_an_arrow_file_of_somebody_else_is_imported(crm, tmp_path):
    table = pa.table(
        {
            "id": [7, 8],
            "name": pa.array(["=Ada", None]).dictionary_encode(),
            "score": [1.5, 2.0],
            "vip": [True, None],
            "seen": pa.array([NOON.replace(tzinfo=None), None], pa.timestamp("ns")),
        }
    )
    pa.feather.write_feather(table, tmp_path / "people.feather")
    take(crm, tmp_path / "people.feather", "customers")
    assert crm.customer("7").attributes == {
        "name": "=Ada",
        "score": Decimal("1.500000"),
        "seen": NOON,
        "vip": True,
    }


@pytest.mark.parametrize("kept", [0, 10, 400])
def test_a_broken_arrow_file_is_an_error(crm, exported, kept):
    path = exported("events", "arrow")
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(InvalidFile, match=r"events\.arrow"):
        crm.guess_mapping(path, "events")


def test_without_pyarrow_an_arrow_file_is_an_error_naming_the_extra(shop, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtra, match=r"crmcore\[arrow\]"):
        shop.export_file("events", tmp_path / "events.arrow")
    with pytest.raises(MissingExtra, match=r"crmcore\[arrow\]"):
        shop.guess_mapping(tmp_path / "events.arrow", "events")


def test_an_imported_export_is_taken_back_and_comes_in_again(open_crm, crm, tmp_path):
    crm.track("seen", "1", message_id="m-1", amount=100, currency="EUR", ref="r")
    crm.track("seen", "1")
    for kind in ("customers", "events"):
        crm.export_file(kind, tmp_path / f"{kind}.csv")
    here = open_crm("here.db")
    done = [take(here, tmp_path / f"{kind}.csv", kind) for kind in ("customers", "events")]
    there = [(one.name, one.amount, one.ref) for one in here.timeline("1")]
    assert len(there) == 2
    for one in done:
        here.undo_import(one.id)
    with pytest.raises(UnknownCustomer):
        here.customer("1")
    for kind in ("customers", "events"):
        assert take(here, tmp_path / f"{kind}.csv", kind).new > 0
    assert [(one.name, one.amount, one.ref) for one in here.timeline("1")] == there
