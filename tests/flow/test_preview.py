"""A dry run says what the import will do, field by field, and writes nothing."""

from __future__ import annotations

from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmcore.errors import UnknownCustomer
from crmcore.flow.importing import previewing, running
from crmcore.flow.importing.previewing import Change
from crmcore.store import scratch, states
from crmcore.store.guarding import unguarded
from tests.flow.test_undo import ACCOUNTS, HEADER, dump, files, firm, names, person, statements, take, times, written
from tests.flow.test_undo import PEOPLE as CONTACTS

NUMBERS = count()
PEOPLE = {
    "kind": "customers",
    "source": "list",
    "columns": {"customer": "key", "at": "at", "attributes": {"email": "mail", "city": "city"}},
}
CONSENTS = {
    "kind": "consents",
    "formats": {"at": "epoch"},
    "columns": {"customer": "key", "purpose": "purpose", "channel": "channel", "granted": "granted", "at": "at"},
}
#: Everybody has an address of their own: of whom two share one, it is the times of all statements that tell.
ADDRESSES = {"1": "a@example.com", "2": "b@example.com", "3": "c@example.com"}
about = st.one_of(
    st.tuples(
        st.just(CONTACTS),
        st.just(HEADER),
        person.map(lambda row: (row[0], ADDRESSES[row[0]] if row[1] else "", *row[2:])),
    ),
    st.tuples(st.just(ACCOUNTS), st.just(["account", "parent", "key", "role", "at", "name"]), firm),
    st.tuples(
        st.just(CONSENTS),
        st.just(["key", "purpose", "channel", "granted", "at"]),
        st.tuples(names, st.just("newsletter"), st.sampled_from(["", "email"]), st.sampled_from(["yes", "no"]), times),
    ),
)
slow = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


def shown(crm, tmp_path, rows, made=PEOPLE, header=("key", "mail", "city", "at")):
    return crm.preview_import(*written(tmp_path, (made, header, rows), "people"))


@slow
@given(statements, files)
def test_a_dry_run_writes_nothing(open_crm, tmp_path, before, file):
    crm = open_crm(f"dry-{next(NUMBERS)}.db")
    for one in before:
        crm._say([one])
    there = dump(crm)
    crm.preview_import(*written(tmp_path, file, "file"))
    assert (dump(crm), crm.imports()) == (there, [])


@slow
@given(statements, files)
def test_once_imported_there_is_nothing_left_to_do(open_crm, tmp_path, before, file):
    crm = open_crm(f"again-{next(NUMBERS)}.db")
    for one in before:
        crm._say([one])
    preview = crm.preview_import(*written(tmp_path, file, "file"))
    done = take(crm, tmp_path, file, "file")
    assert preview.refused == done.refused
    assert preview.dropped == done.dropped
    assert preview.new + preview.changed <= done.new
    after = crm.preview_import(*written(tmp_path, file, "file"))
    assert (after.new, after.changed) == (0, 0)


@slow
@given(statements, files)
def test_lines_in_later_batches_are_compared_with_what_earlier_ones_would_make(open_crm, tmp_path, before, file):
    crm = open_crm(f"batches-{next(NUMBERS)}.db")
    for one in before:
        crm._say([one])
    whole = crm.preview_import(*written(tmp_path, file, "file"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(running, "BATCH", 1)
        patch.setattr(scratch, "IN_MEMORY", 1)
        patch.setattr(previewing, "Scratch", lambda: scratch.Scratch(in_memory=1))
        assert crm.preview_import(*written(tmp_path, file, "file")) == whole


def standing(crm):
    """Return the customers there are, the accounts, and how they stand."""
    with crm._opened.reading() as scope:
        run = unguarded(scope.connection).exec_driver_sql
        customers = [one for (one,) in run("SELECT id FROM crm_customer WHERE merged_into IS NULL")]
        companies = {one: key for one, key in run("SELECT id, key FROM crm_account")}
        fields = states.of_customers(scope, customers), states.of_accounts(scope, companies)
    values = [{one: {name: told for name, (told, _) in each.items()} for one, each in part.items()} for part in fields]
    return set(customers), set(companies.values()), values


def what_happened(kind, line, before, after):
    is_new = line[0] not in before[1] if kind == "accounts" else after[0] - before[0]
    return "new" if is_new else "changed" if before[2] != after[2] else "unchanged"


@slow
@given(st.lists(about, max_size=8))
def test_what_a_dry_run_says_of_a_line_is_what_happens(open_crm, tmp_path, lines):
    crm = open_crm(f"happens-{next(NUMBERS)}.db")
    for number, (made, header, line) in enumerate(lines):
        path, mapping = written(tmp_path, ({**made, "source": f"source{number}"}, header, [line]), "line")
        there, said = standing(crm), crm.preview_import(path, mapping)
        crm.import_file(path, mapping)
        verdict = "new" if said.new else "changed" if said.changed else "unchanged"
        assert verdict == what_happened(made["kind"], line, there, standing(crm))


def test_an_account_of_which_nothing_else_is_said_is_new_once(crm, tmp_path):
    made = {"kind": "accounts", "source": "firms", "columns": {"account": "account", "title": "name"}}
    file = (made, ("account", "name"), [("acme", ""), ("acme", "")])
    preview = crm.preview_import(*written(tmp_path, file, "firms"))
    assert (preview.new, preview.unchanged, preview.lines[0].who) == (1, 1, "account acme")
    take(crm, tmp_path, file, "firms")
    assert crm.preview_import(*written(tmp_path, file, "firms")).new == 0


def test_an_address_that_two_with_keys_share_makes_them_no_one_customer(crm, tmp_path):
    crm.identify({"key": "1", "email": "family@example.com"})
    rows = [("2", "family@example.com", "", ""), ("3", "family@example.com", "", ""), ("", "", "", "")]
    assert shown(crm, tmp_path, rows).new == 2


def test_new_customers_changed_fields_and_what_stays_are_told_apart(crm, tmp_path):
    crm.identify("1", {"city": "Bandung", "email": "ada@example.com"}, at=0)
    preview = shown(
        crm,
        tmp_path,
        [
            ("1", "ada@example.com", "Jakarta", "2025-01-01"),
            ("1", "ada@example.com", "Jakarta", "2025-01-02"),
            ("2", "", "Solo", "2025-01-01"),
            ("", "", "Nowhere", "2025-01-01"),
            ("3", "no address", "", "2025-01-01"),
        ],
    )
    assert (preview.read, preview.new, preview.changed, preview.unchanged) == (5, 1, 1, 1)
    assert preview.dropped == {"no customer": 1}
    first, second, third = preview.lines
    assert (first.number, first.verdict, first.changes) == (
        2,
        "changed",
        (Change(field="city", old="Bandung", new="Jakarta"),),
    )
    assert (second.number, second.verdict, second.who) == (4, "new", "key 2")
    assert (third.number, third.verdict) == (6, "refused")
    assert "no address" in third.reason


def test_what_is_older_than_what_stands_there_changes_nothing(crm, tmp_path):
    crm.identify("1", {"city": "Bandung"})
    preview = shown(crm, tmp_path, [("1", "", "Jakarta", "2000-01-01")])
    assert (preview.new, preview.changed, preview.unchanged) == (0, 0, 1)


def test_an_address_of_somebody_known_tells_who_it_is(crm, tmp_path):
    crm.identify({"email": "ada@example.com"}, {"city": "Bandung"}, at=0)
    preview = shown(crm, tmp_path, [("1", "ada@example.com", "", "2025-01-01")])
    assert (preview.new, preview.changed) == (0, 1)
    assert Change(field="key 1", old=None, new=True) in preview.lines[0].changes


def test_no_more_lines_are_shown_than_asked_for(crm, tmp_path):
    made, header, rows = PEOPLE, ("key", "mail", "city", "at"), [(str(one), "", "", "") for one in range(50)]
    preview = crm.preview_import(*written(tmp_path, (made, header, rows), "people"), limit=3)
    assert (preview.new, [one.number for one in preview.lines]) == (50, [2, 3, 4])
    with pytest.raises(UnknownCustomer):
        crm.customer("1")
