"""An import is taken back by its id: what stood before stands again, and what is newer stays."""

from __future__ import annotations

import csv
import json
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmcore import CRM
from crmcore.errors import AlreadyUndone, UnknownCustomer, UnknownImport
from crmcore.flow.importing import running
from crmcore.flow.importing.mapping import map_of
from crmcore.model import verbs
from crmcore.model.building import everyone
from crmcore.model.campaign import Campaign
from crmcore.store import taking_back
from crmcore.store.guarding import unguarded

NUMBERS = count()
NOW = 1_000_000
HEADER = ["key", "mail", "city", "tags", "status", "topics", "at"]
PEOPLE = {
    "kind": "customers",
    "source": "list",
    "columns": {"customer": "key", "at": "at", "tags": "tags", "attributes": {"email": "mail", "city": "city"}},
    "formats": {"at": "epoch"},
    "contact": {
        "topics": "topics",
        "states": {"status": {"yes": "subscribed", "no": "unsubscribed", "bad": "bounced"}},
    },
}
ORDERS = {
    "kind": "orders",
    "source": "shop",
    "currency": "EUR",
    "returns_prefix": "R",
    "formats": {"at": "epoch"},
    "columns": {name: name for name in ("customer", "ref", "item", "quantity", "price", "at")},
}
ACCOUNTS = {
    "kind": "accounts",
    "source": "firms",
    "formats": {"at": "epoch"},
    "columns": {
        "account": "account",
        "parent": "parent",
        "customer": "key",
        "role": "role",
        "at": "at",
        "title": "name",
    },
}
#: What bookkeeping leaves behind: who imported, moved and locked when; the outbox; sources and topics by name.
BOOKS = ("import", "quarantine", "merge", "node", "notice", "source", "topic", "workspace", "alembic_crmcore")
NOBODY = {
    "crm_customer": " WHERE merged_into IS NULL",
    "crm_contact_state": " WHERE customer_id IN (SELECT id FROM crm_customer WHERE merged_into IS NULL)",
}
REMADE = (("crm_contact_state", "changed_at"), ("crm_member", "id"), ("crm_suppression", "id"))
slow = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)

times = st.integers(100_000_000, 100_000_020)
names = st.sampled_from(["1", "2", "3"])
mails = st.sampled_from(["a@example.com", "b@example.com", "c@example.com", ""])
person = (
    st.tuples(names, mails, st.sampled_from(["u", "v", ""]), st.sampled_from(["vip", "old", ""]))
    .flatmap(
        lambda row: st.tuples(
            st.just(row), st.sampled_from(["yes", "no", "bad", ""]), st.sampled_from(["news", ""]), times
        )
    )
    .map(lambda parts: (*parts[0], *parts[1:]))
)
people = st.lists(person, max_size=6)
lines = st.lists(
    st.tuples(
        names, st.sampled_from(["10", "11", "R12"]), st.sampled_from("AB"), st.integers(-2, 2), st.just("1.5"), times
    ),
    max_size=8,
)
firm = st.tuples(
    st.sampled_from(["acme", "sub"]),
    st.sampled_from(["", "top"]),
    names,
    st.sampled_from(["", "buyer"]),
    times,
    st.sampled_from(["", "Acme"]),
)
firms = st.lists(firm, max_size=5)
files = st.one_of(
    people.map(lambda rows: (PEOPLE, HEADER, rows)),
    lines.map(lambda rows: (ORDERS, list(ORDERS["columns"]), rows)),
    firms.map(lambda rows: (ACCOUNTS, ["account", "parent", "key", "role", "at", "name"], rows)),
)


def said(verb, *arguments, **named):
    return st.builds(lambda *given, **given_named: verb(0, *given, **given_named), *arguments, **named)


late = st.integers(NOW, NOW + 20).map(lambda second: 100 * second * 1_000_000)
who = st.one_of(
    names.map(lambda key: {"key": key}),
    mails.filter(bool).map(lambda mail: {"email": mail}),
    st.tuples(names, mails.filter(bool)).map(lambda two: {"key": two[0], "email": two[1]}),
)
facts = st.one_of(
    said(lambda now, *a, **k: verbs.event(2**60, *a, **k), st.sampled_from(["seen", "order_placed"]), who, at=late),
    said(
        lambda now, *a, **k: verbs.identify(2**60, *a, **k),
        who,
        st.fixed_dictionaries({"city": st.sampled_from("uvw")}),
        at=late,
    ),
    said(lambda now, *a, **k: verbs.identify(2**60, *a, **k), who, tags=st.just(["vip"]), at=late),
    said(
        lambda now, *a, **k: verbs.consent(2**60, *a, **k), who, st.just("newsletter"), granted=st.booleans(), at=late
    ),
    said(lambda now, *a, **k: verbs.suppress(2**60, *a, **k), who, at=late),
    said(lambda now, *a, **k: verbs.subscribe(2**60, *a, **k), who, st.just("news"), wanted=st.booleans(), at=late),
    said(
        lambda now, *a, **k: verbs.group(2**60, *a, **k), st.just("acme"), customer=who, role=st.just("buyer"), at=late
    ),
)
statements = st.lists(facts, max_size=6)


def written(tmp_path, file, name):
    """Write a file; return its path and mapping."""
    made, header, rows = file
    path = tmp_path / f"{name}.csv"
    with path.open("w", newline="") as opened:
        csv.writer(opened).writerows([header, *rows])
    return path, map_of(made, path)


def take(crm, tmp_path, file, name):
    return crm.import_file(*written(tmp_path, file, name))


def dump(crm):
    """Return every row of every table that says something of customers.

    Left out: when a customer's row was last touched, the ids of rows that are made again from the logs, and the rows of
    customers that were merged away, who are nobody any more.
    """
    with crm._opened.reading() as scope:
        run = unguarded(scope.connection).exec_driver_sql
        tables = [name for (name,) in run("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
        return {
            name: sorted(map(repr, run(f"SELECT {_columns(run, name)} FROM {name}{NOBODY.get(name, '')}")))
            for name in tables
            if name.removeprefix("crm_") not in BOOKS and name.startswith("crm_")
        }


def _columns(run, name):
    columns = [row[1] for row in run(f"PRAGMA table_info({name})")]
    return ", ".join(column for column in columns if (name, column) not in REMADE)


def everybody(crm):
    found = {}
    for one in [{"key": key} for key in "123"] + [{"email": f"{letter}@example.com"} for letter in "abc"]:
        try:
            view = crm.customer(one)
        except UnknownCustomer:
            continue
        happened = sorted((one.name, one.at, one.quantity, one.amount, one.ref or "") for one in crm.timeline(one))
        found[view.identities] = (
            view.key, dict(view.attributes), view.tags, view.consents, view.subscriptions, view.suppressed,
            view.accounts, view.sums, happened,
        )  # fmt: skip
    return found


@slow
@given(statements, st.lists(files, min_size=1, max_size=2))
def test_taking_an_import_back_restores_every_row_byte_for_byte(open_crm, tmp_path, before, imported):
    number = next(NUMBERS)
    crm = open_crm(f"undo-{number}.db")
    for one in before:
        crm._say([one])
    *first, last = imported
    for nth, file in enumerate(first):
        take(crm, tmp_path, file, f"first-{number}-{nth}")
    there = dump(crm)
    done = take(crm, tmp_path, last, f"last-{number}")
    crm.undo_import(done.id)
    assert dump(crm) == there


@slow
@given(statements, files, statements, files)
def test_what_was_said_in_between_is_as_if_the_import_had_never_been(
    open_crm, tmp_path, before, imported, after, other
):
    number = next(NUMBERS)
    undone, never = open_crm(f"undone-{number}.db"), open_crm(f"never-{number}.db")
    for crm in (undone, never):
        for one in before:
            crm._say([one])
    done = take(undone, tmp_path, imported, f"it-{number}")
    for crm in (undone, never):
        take(crm, tmp_path, ({**other[0], "source": "elsewhere"}, *other[1:]), f"other-{number}")
        for one in after:
            crm._say([one])
    undone.undo_import(done.id)
    assert everybody(undone) == everybody(never)


def sums_of_lines(crm):
    """Return what the lines of each order add up to, and what the orders say."""
    whole = {"item_ordered": "order_placed", "item_returned": "order_returned"}
    with crm._opened.reading() as scope:
        columns = "name, ref, customer_id, origin_id, currency, source_id, occurred_at, quantity, amount"
        rows = (
            unguarded(scope.connection)
            .exec_driver_sql(f"SELECT {columns} FROM crm_event WHERE import_id IS NOT NULL")
            .all()
        )
    orders = {tuple(row[:6]): tuple(row[6:]) for row in rows if row.name not in whole}
    lines = {}
    for row in rows:
        if row.name in whole:
            lines.setdefault((whole[row.name], *row[1:6]), []).append(row[6:])
    return {
        key: (min(one[0] for one in each), *map(sum, list(zip(*each, strict=True))[1:])) for key, each in lines.items()
    }, orders


@slow
@given(st.lists(files, min_size=3, max_size=3), st.permutations(range(3)), st.sampled_from([1, 2, 1000]))
def test_imports_that_overlap_are_taken_back_in_any_order(open_crm, tmp_path, imported, order, size):
    number = next(NUMBERS)
    undone, never = open_crm(f"order-{number}.db"), open_crm(f"only-{number}.db")
    # A line that two files of one source share is the first one's: here each file has its own.
    own = [({**made, "source": f"{made['source']}{nth}"}, *rest) for nth, (made, *rest) in enumerate(imported)]
    *first, last = order
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(taking_back, "BATCH", size)
        patch.setattr(running, "BATCH", size)
        ids = [take(undone, tmp_path, file, f"any-{number}-{nth}").id for nth, file in enumerate(own)]
        for nth in first:
            undone.undo_import(ids[nth])
            lines, orders = sums_of_lines(undone)
            assert orders == lines
    take(never, tmp_path, own[last], f"only-{number}")
    assert everybody(undone) == everybody(never)


def test_an_import_taken_back_leaves_the_same_file_in_another_workspace(tmp_path):
    file = (PEOPLE, HEADER, [("1", "a@example.com", "u", "vip", "yes", "news", 100_000_000)])
    with CRM(str(tmp_path / "two.db"), workspace="one") as one, CRM(str(tmp_path / "two.db"), workspace="two") as two:
        mine, other = (take(crm, tmp_path, file, "people") for crm in (one, two))
        there = everybody(two)
        assert everybody(one) == there
        with pytest.raises(UnknownImport):
            one.undo_import(other.id)
        one.undo_import(mine.id)
        assert (everybody(one), everybody(two)) == ({}, there)


def test_an_import_that_was_taken_back_can_be_made_again(crm, tmp_path):
    file = (PEOPLE, HEADER, [("1", "a@example.com", "u", "vip", "yes", "news", 100_000_000)])
    first = take(crm, tmp_path, file, "people")
    there = everybody(crm)
    crm.undo_import(first.id)
    assert everybody(crm) == {}
    again = take(crm, tmp_path, file, "people")
    assert again.new == 1
    assert everybody(crm) == there


def test_what_is_newer_stays_and_is_reported(crm, tmp_path):
    crm.identify("1", {"city": "before"}, at=0)
    done = take(crm, tmp_path, (PEOPLE, HEADER, [("1", "", "u", "vip", "", "", 100_000_000)]), "people")
    crm.identify("1", {"city": "newer"})
    undone = crm.undo_import(done.id)
    assert crm.customer("1").attributes["city"] == "newer"
    assert crm.customer("1").tags == ()
    assert [(one.who, one.field) for one in undone.examples] == [("key 1", "city")]


def test_a_customer_somebody_else_speaks_of_by_now_stays(crm, tmp_path):
    done = take(crm, tmp_path, (PEOPLE, HEADER, [("1", "a@example.com", "u", "", "yes", "", 100_000_000)]), "people")
    crm.track("seen", "1")
    undone = crm.undo_import(done.id)
    assert undone.referred == 1
    view = crm.customer("1")
    assert ([one.value for one in view.identities], dict(view.attributes), view.consents) == (["1"], {}, ())


def test_an_order_with_lines_of_two_files_is_what_is_left_of_it(crm, tmp_path):
    line = ("1", "10", "A", 1, "1.5", 100_000_000)
    first = take(crm, tmp_path, (ORDERS, list(ORDERS["columns"]), [line]), "first")
    second = take(crm, tmp_path, (ORDERS, list(ORDERS["columns"]), [("1", "10", "B", 2, "1.5", 100_000_001)]), "second")
    assert [one.amount for one in crm.timeline("1") if one.name == "order_placed"] == [450]
    crm.undo_import(first.id)
    assert [one.amount for one in crm.timeline("1") if one.name == "order_placed"] == [300]
    crm.undo_import(second.id)
    with pytest.raises(UnknownCustomer):
        crm.customer("1")


def test_an_interrupted_undoing_goes_on(crm, tmp_path, monkeypatch):
    monkeypatch.setattr(taking_back, "BATCH", 2)
    rows = [(str(number), "1", "A", 1, "1.5", 100_000_000 + number) for number in range(9)]
    done = take(crm, tmp_path, (ORDERS, list(ORDERS["columns"]), rows), "orders")
    stop = iter([None, None, KeyboardInterrupt])

    def stopping(_done, _total):
        if (what := next(stop, None)) is not None:
            raise what

    with pytest.raises(KeyboardInterrupt):
        crm.undo_import(done.id, stopping)
    assert [one.state for one in crm.imports()] == ["undoing"]
    crm.undo_import(done.id)
    assert (crm.totals(), [one.state for one in crm.imports()]) == ([], ["undone"])


def test_a_file_imported_again_before_its_undoing_is_finished_is_there_once_in_the_end(crm, tmp_path, monkeypatch):
    monkeypatch.setattr(taking_back, "BATCH", 2)
    rows = [(str(number), "1", "A", 1, "1.5", 100_000_000 + number) for number in range(9)]
    file = (ORDERS, list(ORDERS["columns"]), rows)
    first = take(crm, tmp_path, file, "orders")
    there = everybody(crm)

    def stopping(_done, _total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        crm.undo_import(first.id, stopping)
    assert take(crm, tmp_path, file, "orders").new == 9
    crm.undo_import(first.id)
    assert everybody(crm) == there


def test_an_import_that_is_taken_back_while_it_runs_stops(crm, tmp_path):
    rows = [(str(number), "1", "A", 1, "1.5", 100_000_000) for number in range(2500)]
    path, made = written(tmp_path, (ORDERS, list(ORDERS["columns"]), rows), "orders")

    def undoing(_done, _total):
        crm.undo_import(crm.imports()[0].id)

    with pytest.raises(AlreadyUndone):
        crm.import_file(path, made, undoing)
    assert ([one.state for one in crm.imports()], crm.totals(), everybody(crm)) == (["undone"], [], {})


def test_nothing_is_sent_to_an_address_that_was_taken_back_and_nobody_waits_for_it(crm, tmp_path, recorder):
    made = {**PEOPLE, "contact": {**PEOPLE["contact"], "channel": "note"}}
    rows = [(key, f"{key}@example.com", "", "", "yes", "", 100_000_000) for key in "123"]
    done = take(crm, tmp_path, (made, HEADER, rows), "people")
    crm.identify({"key": "4", "email": "4@example.com"})
    for key in "14":
        crm.consent(key, "newsletter", channel="note")
    crm.save_template("hello", "note", {"text": "Hello {{ links.unsubscribe }}"})
    everybody_ = {"audience": everyone(), "purpose": "newsletter", "channel": "note", "template": "hello"}
    crm.launch(Campaign(name="hello", **everybody_))
    crm.undo_import(done.id)
    crm.work()
    report = crm.report("hello")
    assert (report.eligible, report.sent, report.waiting) == (4, 1, 0)
    assert report.skipped == {"no_address": 3}
    assert len(recorder.sent) == 1


def test_an_import_is_taken_back_once(crm, tmp_path):
    done = take(crm, tmp_path, (PEOPLE, HEADER, []), "nobody")
    crm.undo_import(done.id)
    with pytest.raises(AlreadyUndone, match=str(done.id)):
        crm.undo_import(done.id)
    for nothing in (1, -1, 2**70, -(2**70)):
        with pytest.raises(UnknownImport, match="imports list"):
            crm.undo_import(nothing)


def test_imports_are_listed_the_latest_first(crm, tmp_path):
    take(crm, tmp_path, (PEOPLE, HEADER, [("1", "", "", "", "", "", 100_000_000)]), "one")
    take(crm, tmp_path, (ORDERS, list(ORDERS["columns"]), []), "two")
    found = crm.imports()
    assert [(one.file, one.kind, one.source, one.state) for one in found] == [
        ("two.csv", "orders", "shop", "done"),
        ("one.csv", "customers", "list", "done"),
    ]
    assert json.loads(json.dumps(found[1].counts)) == {"read": 1, "new": 1}
