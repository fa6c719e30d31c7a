"""Whatever way a statement comes in, it is held against the tracking plan of its source."""

from __future__ import annotations

import logging
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmcore.errors import UnknownSource
from crmcore.flow import screening
from crmcore.model.event import event
from crmcore.model.fitting import reason
from crmcore.model.tracking import EventPlan, Source
from crmcore.model.verbs import identify
from crmcore.store import declarations
from crmcore.store.engine import open_engine
from crmcore.testing.strategies import sources, statements

NUMBERS = count()
WEB = Source("web", events={"seen": EventPlan(fields={"n": "int"})}, attributes={"city": "text"})
ILL = {"name": "seen", "customer": "1", "properties": {"n": "x"}, "source": "web"}
WHY = "seen.n is text ('x'), an int is declared"


@pytest.fixture
def web(crm):
    crm.declare_source(WEB)
    return crm


def events(crm):
    return sum(one.count for one in crm.totals())


def waiting(crm):
    return [(one.source, one.place, one.reason) for one in crm.quarantine()]


def hosted(crm):
    """Track inside a host's transaction."""
    engine = open_engine(str(crm._opened.engine.url))
    with engine.begin() as connection:
        crm.using(connection).track(**ILL)
    engine.dispose()


WAYS = {
    "track": lambda crm: crm.track(**ILL),
    "track_many": lambda crm: crm.track_many([ILL]),
    "an Event": lambda crm: crm.track_many([event(crm.now(), **ILL)]),
    "using": hosted,
}


@pytest.mark.parametrize("way", WAYS)
def test_an_event_that_does_not_fit_waits_with_the_reason(web, way):
    WAYS[way](web)
    assert waiting(web) == [("web", "track", WHY)]
    assert events(web) == 0
    assert web.stats().quarantined == 1


def test_what_an_identify_statement_sets_is_looked_at_too(web):
    web.identify("1", {"city": 5}, source="web")
    assert waiting(web) == [("web", "identify", "identify.city is an int (5), text is declared")]


def test_the_others_of_a_batch_are_taken_and_each_is_counted(web):
    taken = web.track_many([ILL, ILL | {"properties": {"n": 1}}, ILL | {"source": "app"}, ILL | {"source": None}])
    assert (taken.new, taken.quarantined, taken.repeated) == (3, 1, 0)


def test_the_log_is_told_and_told_nothing_of_the_customer(web, caplog):
    with caplog.at_level(logging.WARNING, "crmcore.screening"):
        web.track(**ILL | {"properties": {"n": "ada@example.com"}})
    [record] = caplog.records
    assert (record.name, record.levelname) == ("crmcore.screening", "WARNING")
    assert "1 statement" in record.getMessage()
    assert "ada" not in record.getMessage()


def test_the_log_is_told_of_what_a_host_committed(web, caplog):
    hosted(web)
    with caplog.at_level(logging.WARNING, "crmcore.screening"):
        web.totals()
    assert [one.name for one in caplog.records] == ["crmcore.screening"]


def test_nothing_is_said_where_all_fits(web, caplog):
    web.track("seen", "1", properties={"n": 1}, source="web")
    web.track("whatever", "1", source="app")
    assert caplog.records == []


def test_what_another_process_declares_holds_from_the_next_transaction_on(open_crm):
    one, other = open_crm(), open_crm()
    one.track(**ILL)
    other.declare_source(WEB)
    one.track(**ILL)
    other.declare_source(Source("web"))
    one.track(**ILL)
    assert (events(one), one.stats().quarantined) == (2, 1)


def test_a_source_without_a_name_costs_no_look_at_the_plans(web, monkeypatch):
    monkeypatch.setattr(declarations, "declared", None)
    web.track("seen", "1", properties={"n": "x"})
    assert events(web) == 1


def test_a_message_in_quarantine_does_not_keep_its_corrected_self_out(web):
    web.track(**ILL, message_id="m")
    web.track(**ILL | {"properties": {"n": 1}}, message_id="m")
    assert events(web) == 1


def test_a_message_that_does_not_fit_and_is_sent_again_waits_once(web, clock):
    for _ in range(3):
        web.track(**ILL, message_id="m")
        clock.turn("1m")
    taken = web.track_many([ILL | {"message_id": "m"}])
    assert (taken.quarantined, taken.repeated, web.stats().quarantined) == (0, 1, 1)


def test_a_message_that_says_another_thing_waits_beside(web):
    web.track(**ILL, message_id="m")
    web.track(**ILL | {"properties": {"n": "y"}}, message_id="m")
    assert web.stats().quarantined == 2


def test_a_message_that_has_come_in_is_a_repeat_whatever_it_says_now(web):
    web.track(**ILL | {"properties": {"n": 1}}, message_id="m")
    taken = web.track_many([ILL | {"message_id": "m"}])
    assert (taken.repeated, taken.quarantined, web.stats().quarantined) == (1, 0, 0)


def test_the_latest_stands_first_and_a_source_can_be_picked(web):
    web.declare_source(Source("app", events={}))
    web.track(**ILL)
    web.track(**ILL | {"source": "app"})
    assert [one.source for one in web.quarantine()] == ["app", "web"]
    assert [one.source for one in web.quarantine(limit=1)] == ["app"]
    assert [one.source for one in web.quarantine(source="web")] == ["web"]
    with pytest.raises(UnknownSource, match="known: app, web"):
        web.quarantine(source="wep")


def test_a_line_of_a_file_fits_where_all_that_it_says_fits(web):
    ill, fine = event(web.now(), **ILL), event(web.now(), **ILL | {"properties": {"n": 1}})
    told = identify(web.now(), "1", {"city": 5}, source="web")
    with web._opened.reading() as scope:
        assert screening.reasons_of_lines(scope, [[], [fine], [fine, ill], [told, ill]]) == [
            "",
            "",
            WHY,
            f"identify.city is an int (5), text is declared; {WHY}",
        ]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sources(), st.lists(statements() | statements("app"), max_size=6))
def test_screening_is_what_the_pure_function_says(open_crm, source, batch):
    crm = open_crm(f"screened-{next(NUMBERS)}.db")
    crm.declare_source(source)
    told = [reason(source, one) if one.source == "web" else "" for one in batch]
    screened = crm._opened.write(lambda scope: screening.screen(scope, batch))
    assert crm._opened.write(lambda scope: screening.reasons(scope, batch)) == told
    assert list(screened.fitting) == [one for one, why in zip(batch, told, strict=True) if not why]
    assert [(one.statement, one.reason) for one in screened.refused] == [
        (one, why) for one, why in zip(batch, told, strict=True) if why
    ]
    crm._take(batch)
    assert sorted(one.reason for one in crm.quarantine()) == sorted(why for why in told if why)


def test_statements_that_are_neither_are_not_looked_at(web):
    web.consent("1", "retention", source="web")
    web.suppress("1", source="web")
    web.group("acme", attributes={"size": 5}, customer="1", source="web")
    assert web.stats().quarantined == 0
