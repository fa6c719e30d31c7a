"""Histories of many customers are read by a handful of statements, each by an index, and no more than is asked for."""

from __future__ import annotations

import pytest

from crmcore.hooks.rule import Touches
from crmcore.model.logbook import known
from crmcore.store import logbook, recent
from tests.store.planning import MANY, statements, steps

pytestmark = pytest.mark.untouched

ALL = Touches(
    events=frozenset({"bought"}), attributes=frozenset({"city"}), tags=frozenset({"vip"}), said=True, accounts=True
)


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


def customers_of(crm):
    return [crm.customer(number).id for number in ("1", "2", "3")]


def read_now(crm, touched):
    asked = {0: recent.Wanted(touches=touched, start=None, is_bare=False)}
    customers = dict.fromkeys(customers_of(crm), frozenset(asked))
    with statements(crm) as seen, crm._opened.reading() as scope:
        return recent.of_customers(scope, customers, asked), seen


def read_past(crm, touched):
    customers, at = customers_of(crm), crm.now()
    with statements(crm) as seen, crm._opened.reading() as scope:
        then = known(logbook.read(scope, customers, at, touched), at)
    return {one: then[one].history for one in customers}, seen


READ = pytest.mark.parametrize("read", [read_now, read_past])


@READ
@pytest.mark.parametrize("touched", [ALL, Touches(events=frozenset(map(str, range(50))))], ids=["few", "many names"])
def test_no_statement_reads_a_whole_workspace(filled, touched, read):
    _, seen = read(filled, touched)
    assert [(run, step) for run, step in steps(filled, seen) if step.table in MANY and step.is_whole] == []


@READ
def test_histories_are_read_by_a_handful_of_statements(filled, read):
    assert len(read(filled, ALL)[1]) < 20


def test_all_that_was_known_is_read_by_a_handful_of_statements_and_none_is_whole(filled):
    _, seen = read_past(filled, None)
    assert len(seen) < 20
    assert [(run, step) for run, step in steps(filled, seen) if step.table in MANY and step.is_whole] == []


@READ
def test_events_are_looked_up_by_customer_and_name(filled, read):
    _, seen = read(filled, ALL)
    found = [step.columns for _, step in steps(filled, seen) if step.table == "crm_event"]
    assert [columns >= {"customer_id", "name"} for columns in found] == [True]


@READ
def test_nothing_is_read_that_no_condition_touches(filled, read):
    touched = Touches(events=frozenset({"bought"}), attributes=frozenset({"city"}))
    [one, *_] = read(filled, touched)[0].values()
    assert [event.name for event in one.events] == ["bought"]
    assert one.attributes["city"] == "1"
    assert (one.tags, one.consents, one.wishes, one.accounts) == (frozenset(), (), (), ())


def test_what_is_narrowed_is_the_same_as_far_as_it_goes(filled):
    whole, some = (read_past(filled, touched)[0] for touched in (None, ALL))
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
        assert known(logbook.read(scope, [new], then, None), then) == {}
        assert list(known(logbook.read(scope, [new], scope.now, None), scope.now)) == [new]
