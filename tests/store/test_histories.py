"""Histories of many customers are read by a handful of statements, each by an index, and no more than is asked for."""

from __future__ import annotations

import pytest

from crmcore.hooks.rule import Touches
from crmcore.store import histories
from tests.store.planning import MANY, statements, steps

ALL = Touches(
    events=frozenset({"bought"}), attributes=frozenset({"city"}), tags=frozenset({"vip"}), said=True, accounts=True
)
NARROWED = {"all": None, "by name": ALL, "many names": Touches(events=frozenset(map(str, range(50))))}


@pytest.fixture
def filled(crm, clock):
    for number in ("1", "2", "3"):
        crm.identify({"key": number, "email": f"{number}@x.de"}, {"city": number, "age": 1}, tags=["vip", "new"])
        crm.track("bought", number, properties={"p": 1})
        crm.track("seen", number)
        crm.consent(number, "retention")
        crm.subscribe(number, "news")
        crm.group("acme", customer=number, attributes={"size": 1})
    return crm


def read(crm, at, touched):
    customers = [crm.customer(number).id for number in ("1", "2", "3")]
    with statements(crm) as seen, crm._opened.reading() as scope:
        return histories.of_customers(scope, customers, at, touched), seen


@pytest.mark.parametrize("is_past", [False, True])
@pytest.mark.parametrize("narrowed", NARROWED)
def test_no_statement_reads_a_whole_workspace(filled, narrowed, is_past):
    _, seen = read(filled, filled.now() if is_past else None, NARROWED[narrowed])
    assert len(seen) < 20
    assert [(run, step) for run, step in steps(filled, seen) if step.table in MANY and step.is_whole] == []


@pytest.mark.parametrize("is_past", [False, True])
def test_events_are_looked_up_by_customer_and_name(filled, is_past):
    _, seen = read(filled, filled.now() if is_past else None, ALL)
    found = [step.columns for _, step in steps(filled, seen) if step.table == "crm_event"]
    assert [columns >= {"customer_id", "name"} for columns in found] == [True]


@pytest.mark.parametrize("is_past", [False, True])
def test_nothing_is_read_that_no_condition_touches(filled, is_past):
    at = filled.now() if is_past else None
    touched = Touches(events=frozenset({"bought"}), attributes=frozenset({"city"}), tags=frozenset({"vip"}))
    [one, *_] = read(filled, at, touched)[0].values()
    assert [event.name for event in one.events] == ["bought"]
    assert (dict(one.attributes), one.tags) == ({"city": "1"}, {"vip"})
    assert (one.consents, one.wishes, one.accounts) == ((), (), ())


def test_what_is_narrowed_is_the_same_as_far_as_it_goes(filled):
    whole, some = (read(filled, None, touched)[0] for touched in (None, ALL))
    for one, history in whole.items():
        assert (some[one].consents, some[one].wishes, some[one].accounts) == (
            history.consents,
            history.wishes,
            history.accounts,
        )
        assert list(some[one].events) == [event for event in history.events if event.name == "bought"]


def test_who_was_no_customer_then_has_no_history(filled, clock):
    then = filled.now()
    clock.turn("1h")
    filled.identify("4")
    new = filled.customer("4").id
    with filled._opened.reading() as scope:
        assert histories.of_customers(scope, [new], then) == {}
        assert list(histories.of_customers(scope, [new], scope.now)) == [new]
