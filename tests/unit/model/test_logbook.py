"""What was known at a time is what had come in by then; ties are settled as the tables settle them."""

from __future__ import annotations

import pytest

from crmcore.model.history import PastEvent, Said
from crmcore.model.identity import Identity
from crmcore.model.linking import MERGED, UNMERGED, Link
from crmcore.model.logbook import Entry, Happening, Logbook, homes, instants, known, parts

NAMES = {1: Identity("key", "a"), 2: Identity("anonymous", "b"), 3: Identity("email", "c")}
SINCE = {1: 10, 2: 20, 3: 30}


def said(kind, about, new, at=0, received_at=10, origin=1, row=0):
    return Entry(kind=kind, about=about, origin=origin, new=new, at=at, received_at=received_at, row=row)


def linked(kind, received_at, low=1, high=2, at=0):
    return Link(low=low, high=high, kind=kind, at=at, into=low if kind == MERGED else 0, received_at=received_at)


def book(**given):
    return Logbook(**{"names": NAMES, "since": SINCE, "links": ()} | given)


def only(entries, accounts=None):
    return known(book(entries=entries, accounts=accounts or {}), 100)[1].history


@pytest.mark.parametrize(("at", "ids"), [(9, set()), (10, {1}), (20, {1, 2}), (30, {1, 2, 3})])
def test_a_customer_is_known_from_when_its_identity_came_in(at, ids):
    assert known(book(), at).keys() == ids


@pytest.mark.parametrize(("at", "home"), [(39, 2), (40, 1), (49, 1), (50, 2)])
def test_customers_are_one_from_when_a_merge_came_in_until_an_unmerge_did(at, home):
    links = [linked(MERGED, 40), linked(UNMERGED, 50, at=1)]
    assert homes(book(links=links), at)[2] == home


def test_the_oldest_origin_names_a_customer_and_the_key_is_told():
    found = known(book(names=NAMES | {2: Identity("key", "b")}, links=[linked(MERGED, 40, 2, 3)]), 40)
    assert {one: customer.key for one, customer in found.items()} == {1: "a", 2: "b"}


@pytest.mark.parametrize(("at", "count"), [(39, 0), (40, 1)])
def test_an_event_is_known_from_when_it_came_in_whatever_it_is_dated(at, count):
    late = Happening(origin=1, received_at=40, event=PastEvent(name="bought", at=5))
    assert len(known(book(events=[late]), at)[1].history.events) == count


@pytest.mark.parametrize("swapped", [False, True])
def test_of_two_values_of_one_time_the_greater_text_holds(swapped):
    both = [said("attribute", ("n",), "1"), said("attribute", ("n",), "2")]
    assert only(both[::-1] if swapped else both).attributes == {"n": 2}


@pytest.mark.parametrize("swapped", [False, True])
def test_setting_a_tag_and_leaving_an_account_win_ties(swapped):
    tags = [said("tag", ("vip",), "true"), said("tag", ("vip",), "false")]
    joined = [said("member", ("acme", ""), "true"), said("member", ("acme", ""), "false")]
    both = [*tags, *joined]
    found = only(both[::-1] if swapped else both, {"acme": [said("attribute", ("n",), "1")]})
    assert (found.tags, found.accounts) == ({"vip"}, ())


def test_of_two_permissions_of_customers_that_become_one_the_stricter_holds():
    entries = [said("consent", ("survey", "*"), "true", 5), said("consent", ("survey", "*"), "false", 3, 20, origin=2)]
    found = known(book(entries=entries, links=[linked(MERGED, 40, at=7)]), 40)
    assert found[1].history.consents == (Said(about="survey", channel="*", yes=False, at=7),)


def test_what_is_known_of_an_account_is_known_of_who_belongs_to_it_in_any_role():
    entries = [said("member", ("acme", role), new) for role, new in (("buyer", "true"), ("owner", "false"))]
    accounts = {"acme": [said("attribute", ("n",), "1"), said("attribute", ("n",), "2", at=1, received_at=101)]}
    assert only(entries, accounts).accounts == ({"n": 1},)


def test_instants_are_those_at_which_something_came_in():
    events = [Happening(origin=1, received_at=at, event=PastEvent(name="x", at=0)) for at in (30, 60, 61)]
    told = book(events=events, links=[linked(MERGED, 40)], entries=[said("tag", ("x",), "true", received_at=45)])
    assert instants(told, 10, 60) == [20, 30, 40, 45, 60]


def test_parts_are_what_no_link_joins():
    events = [Happening(origin=one, received_at=50, event=PastEvent(name="x", at=one)) for one in (1, 2, 3)]
    found = list(parts(book(events=events, links=[linked(UNMERGED, 40, 1, 3)])))
    assert [sorted(one.since) for one in found] == [[1, 3], [2]]
    assert [[event.origin for event in one.events] for one in found] == [[1, 3], [2]]
