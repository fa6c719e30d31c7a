"""Identities lead to customers; named together they are one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmcore import CRM
from crmcore.errors import DatabaseUnusable, SettingsError, UnknownCustomer
from crmcore.model.identity import Identity
from crmcore.store.guarding import unguarded
from tests.conftest import NOON

NUMBERS = count()


def test_an_anonymous_visitor_becomes_known_with_the_whole_history(crm):
    crm.track("page_viewed", {"anonymous": "cookie"})
    crm.identify({"key": "42", "anonymous": "cookie"}, {"email": "ada@example.com"})
    crm.track("page_viewed", {"anonymous": "cookie"})
    assert (
        crm.customer("42").id
        == crm.customer({"anonymous": "cookie"}).id
        == crm.customer({"email": "ADA@example.com"}).id
    )
    assert len(crm.timeline("42")) == 2


def test_events_before_the_login_join_a_customer_known_from_before(crm):
    crm.track("order_placed", "42", amount=5, currency="EUR")
    crm.track("page_viewed", {"anonymous": "cookie"})
    crm.track("page_viewed", {"key": "42", "anonymous": "cookie"})
    assert sorted(one.name for one in crm.timeline("42")) == ["order_placed", "page_viewed", "page_viewed"]
    assert {one.name: one.count for one in crm.customer("42").sums} == {"order_placed": 1, "page_viewed": 2}


def test_an_address_of_another_known_customer_stays_where_it_is(crm):
    crm.identify("1", {"email": "family@example.com"})
    crm.identify("2", {"email": "family@example.com"})
    assert crm.customer({"email": "family@example.com"}).key == "1"
    assert crm.customer("2").attributes["email"] == "family@example.com"
    [refused] = crm.contradictions()
    assert {refused.one, refused.other} == {Identity("key", "2"), Identity("email", "family@example.com")}


def test_two_identities_in_one_batch_meet(crm):
    rows = [
        {"name": "page_viewed", "customer": {"anonymous": "a"}},
        {"name": "page_viewed", "customer": {"anonymous": "b"}},
        {"name": "page_viewed", "customer": {"anonymous": "a", "device": "b"}},
        {"name": "login", "customer": {"device": "b", "key": "42"}},
    ]
    crm.track_many(rows)
    assert len(crm.timeline("42")) == 3
    assert len(crm.timeline({"anonymous": "b"})) == 1


def test_merging_twice_is_merging_once(crm):
    crm.track("order_placed", "old", amount=5, currency="EUR")
    crm.track("order_placed", "new", amount=7, currency="EUR")
    crm.merge("old", "new", force=True)
    before = crm.customer("new")
    crm.merge("old", "new", force=True)
    assert crm.customer("new") == before == crm.customer("old")
    assert [(one.count, one.amount) for one in before.sums] == [(2, 12)]


def test_the_later_value_wins_a_merge(crm):
    crm.identify("old", {"city": "Bandung", "age": 30}, at=NOON)
    crm.identify("new", {"city": "Jakarta"}, at=1)
    crm.merge("old", "new", force=True)
    assert crm.customer("new").attributes == {"city": "Bandung", "age": 30}


@pytest.mark.parametrize("withdrawn", ["old", "new"])
def test_the_stricter_consent_holds_after_a_merge(crm, clock, withdrawn):
    granted = {"old": "new", "new": "old"}[withdrawn]
    crm.consent(withdrawn, "retention", channel="email", granted=False)
    clock.turn("1h")
    crm.consent(granted, "retention", channel="email")
    crm.merge("old", "new", force=True)
    assert [one.granted for one in crm.customer("new").consents] == [False]


def test_a_suppression_follows_a_merge(crm):
    crm.suppress("old", channel="email", reason="complaint")
    crm.merge("old", "new", force=True)
    assert crm.customer("new").suppressed == (("email", "complaint"),)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.permutations([(1, "a"), (2, "b"), (3, None), (2, "c"), (5, 1), (5, "1")]), st.integers(0, 10**6))
def test_attributes_settle_by_time_in_any_order(open_crm, writes, number):
    crm = open_crm(f"order-{number}.db")
    key = f"{len(writes)}-{writes}"
    for at, value in writes:
        crm.identify(key, {"x": value}, at=at)
    assert crm.customer(key).attributes["x"] == 1


def test_tags_come_and_go_by_time(crm):
    crm.identify("1", tags=["vip", "new"], at=10)
    crm.identify("1", untags=["vip"], at=20)
    crm.identify("1", tags=["vip"], at=15)
    assert crm.customer("1").tags == ("new",)


def test_an_unknown_customer_is_an_error_naming_who(crm):
    with pytest.raises(UnknownCustomer, match=r"email 'nobody@example.com'"):
        crm.customer({"email": "nobody@example.com"})


def test_accounts_have_members(crm):
    crm.group("acme", name="Acme", attributes={"size": 3}, customer="42", role="buyer")
    crm.group("acme", customer="42", role="buyer")
    with crm._opened.reading() as scope:
        members = unguarded(scope.connection).exec_driver_sql("SELECT role FROM crm_member").all()
    assert members == [("buyer",)]


def test_the_same_message_id_again_changes_nothing(crm):
    rows = [{"name": "order_placed", "customer": "1", "message_id": "m", "amount": 5, "currency": "EUR"}] * 3
    assert (crm.track_many(rows).new, crm.track_many(rows).repeated) == (1, 3)
    assert crm.customer("1").sums[0].count == 1


def test_a_bad_row_is_an_error_and_what_was_stored_stays(crm):
    rows = [{"name": "order_placed", "customer": str(number)} for number in range(1500)]
    rows.append({"name": "order_placed", "customer": "x", "amount": 1.5, "currency": "EUR"})
    with pytest.raises(ValueError, match=r"Money\.of"):
        crm.track_many(rows)
    assert crm.totals()[0].count == 1000


def test_workspaces_do_not_see_each_other(database, clock):
    with CRM(str(database), clock=clock) as one, CRM(str(database), workspace="other", clock=clock) as other:
        one.identify("42", {"city": "Bandung"})
        other.identify("42", {"city": "Jakarta"})
        assert one.customer("42").attributes == {"city": "Bandung"}
        assert other.customer("42").attributes == {"city": "Jakarta"}


def test_a_pinned_workspace_opens_at_its_time(database):
    with CRM(str(database)) as crm:
        crm.pin(123)
    with CRM(str(database)) as crm:
        assert crm.now() == 123


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("abcd")), max_size=6))
def test_merging_all_again_changes_nothing(open_crm, merges):
    crm = open_crm(f"merge-{next(NUMBERS)}.db")
    for key in "abcd":
        crm.track("order_placed", {"anonymous": key}, amount=1, currency="EUR")
        crm.identify({"anonymous": key}, {"name": key})
    before = None
    for _ in range(2):
        crm.merge_many({"customer": {"anonymous": one}, "into": {"anonymous": other}} for one, other in merges)
        seen = [crm.customer({"anonymous": key}) for key in "abcd"]
        assert before in (None, seen)
        before = seen
    whole = {one.id: sum(each.count for each in one.sums) for one in before}
    assert sum(whole.values()) == 4


def test_threads_lose_nothing(crm):
    with ThreadPoolExecutor(8) as pool:
        runs = [
            pool.submit(crm.track_many, [{"name": "seen", "customer": f"{number % 3}"} for _ in range(50)])
            for number in range(16)
        ]
        assert sum(run.result().new for run in runs) == 800
    assert crm.totals()[0].count == 800


@pytest.mark.parametrize("content", [b"this is no database at all, it only stands where one should be" * 20])
def test_a_file_that_is_no_database_is_an_error_and_stays(tmp_path, content):
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    with pytest.raises(DatabaseUnusable, match=r"notes\.txt"):
        CRM(str(path))
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    ("url", "error"), [("/nowhere/at/all/crm.db", DatabaseUnusable), ("nosuchdb://x", SettingsError)]
)
def test_a_database_out_of_reach_is_an_error_naming_it(url, error):
    with pytest.raises(error):
        CRM(url)
