"""What sources have sent is told as the log has it, and where it differs from what they declare."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, date, datetime
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmcore.errors import UndeclaredSource, UnknownSource
from crmcore.model.event import Event
from crmcore.model.fitting import problems
from crmcore.model.seen import Sightings
from crmcore.model.tracking import EventPlan, FieldPlan, Source
from crmcore.model.values import kind_of_plain
from crmcore.store import seen
from crmcore.testing.strategies import sources, statements

NUMBERS = count()


def test_events_their_columns_and_the_types_of_their_fields_are_counted(crm):
    crm.track("seen", "1", at=5, item="tea", properties={"n": 1, "page": "/"}, source="web")
    crm.track("seen", "2", at=3, properties={"n": 0.5, "page": None}, source="web")
    [web] = crm.schema()
    [event] = web.events
    assert (web.name, web.version, event.name) == ("web", None, "seen")
    assert event.seen == Sightings(count=2, first_at=3, last_at=5)
    assert event.columns == {"item": 1, "quantity": 0, "amount": 0, "currency": 0, "ref": 0}
    assert {one.name: one.types for one in event.fields} == {
        "n": {
            "decimal": Sightings(count=1, first_at=3, last_at=3),
            "int": Sightings(count=1, first_at=5, last_at=5),
        },
        "page": {
            "null": Sightings(count=1, first_at=3, last_at=3),
            "text": Sightings(count=1, first_at=5, last_at=5),
        },
    }


def test_every_type_is_told_by_its_name(crm):
    values = {
        "text": '{"$decimal":1}',
        "int": -1,
        "bool": False,
        "decimal": 0.5,
        "time": datetime(2026, 1, 1, tzinfo=UTC),
        "date": date(2026, 1, 1),
        "null": None,
        "json": {"a": 0.5},
    }
    crm.track("seen", "1", properties=values | {'a "quoted" name ü\x01': []})
    crm.identify("1", {kind: value for kind, value in values.items() if kind != "json"}, tags=["vip"])
    [nameless] = crm.schema()
    told = {one.name: list(one.types) for one in nameless.events[0].fields}
    assert told.pop('a "quoted" name ü\x01') == ["json"]
    assert told == {kind: [kind] for kind in values}
    assert {one.name: list(one.types) for one in nameless.attributes} == {
        kind: [kind] for kind in values if kind != "json"
    }


def test_sources_are_told_apart_and_one_can_be_picked(crm):
    for source in (None, "web", "app"):
        crm.track("seen", "1", source=source)
        crm.identify("1", {"city": "x"}, source=source)
    crm.declare_source(Source("idle", events={}))
    assert [(one.name, one.version, len(one.events), len(one.attributes)) for one in crm.schema()] == [
        (None, None, 1, 1),
        ("app", None, 1, 1),
        ("idle", 1, 0, 0),
        ("web", None, 1, 1),
    ]
    assert [one.name for one in crm.schema("web")] == ["web"]
    with pytest.raises(UnknownSource, match="known: app, idle, web"):
        crm.schema("nope")


def test_what_a_host_has_just_committed_is_told_too(crm):
    with crm._opened.engine.begin() as connection:
        crm.using(connection).track("seen", "1")
    assert crm.schema()[0].events[0].seen.count == 1


def test_progress_is_told_and_ends(crm, monkeypatch):
    monkeypatch.setattr(seen, "CHUNK", 2)
    crm.track_many([{"name": "seen", "customer": "1"}] * 5)
    told = []
    crm.schema(progress=lambda done, total: told.append((done, total)))
    assert told == [(2, 5), (4, 5), (5, 5)]


def counted(said):
    """The same, counted one by one."""
    events, fields, attributes = Counter(), Counter(), Counter()
    for one in said:
        if isinstance(one, Event):
            events[one.source, one.name] += 1
            for name, plain in json.loads(one.properties).items():
                fields[one.source, one.name, name, kind_of_plain(plain)] += 1
        else:
            for name, value in one.attributes.items():
                attributes[one.source, name, kind_of_plain(value)] += 1
    return events, fields, attributes


def told(described):
    events, fields, attributes = Counter(), Counter(), Counter()
    for source in described:
        for event in source.events:
            events[source.name, event.name] += event.seen.count
            for field in event.fields:
                for kind, one in field.types.items():
                    fields[source.name, event.name, field.name, kind] += one.count
        for field in source.attributes:
            for kind, one in field.types.items():
                attributes[source.name, field.name, kind] += one.count
    return events, fields, attributes


many = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@many
@given(st.lists(statements() | statements("app"), max_size=12))
def test_the_log_is_counted_as_one_would_by_hand(open_crm, said):
    crm = open_crm(f"told-{next(NUMBERS)}.db")
    crm._take(said)
    assert told(crm.schema()) == counted(said)


def differing(crm, plan):
    return [(one.kind, one.place, one.declared, one.seen, one.count) for one in crm.schema_diff(plan)]


def test_differences_are_told_with_how_often(crm):
    crm.track("seen", "1", item="tea", properties={"n": 1, "pric": 2}, source="web")
    crm.track("seen", "1", properties={"n": "x", "page": None}, source="web")
    crm.track("sen", "1", source="web")
    crm.identify("1", {"city": 5, "cty": "x"}, source="web")
    fields = {"n": "int", "page": FieldPlan("text", required=True), "note": "text"}
    plan = Source(
        "web",
        events={"seen": EventPlan(needs=["item"], fields=fields), "bought": EventPlan()},
        attributes={"city": "text", "age": "int"},
    )
    assert differing(crm, plan) == [
        ("never seen", "bought", "event", "", 0),
        ("missing", "seen item", "required", "", 1),
        ("type", "seen.n", "int", "text", 1),
        ("never seen", "seen.note", "text", "", 0),
        ("missing", "seen.page", "text, required", "", 2),
        ("undeclared", "seen.pric", "", "int", 1),
        ("undeclared", "sen", "", "event", 1),
        ("never seen", "identify.age", "int", "", 0),
        ("type", "identify.city", "text", "int", 1),
        ("undeclared", "identify.cty", "", "text", 1),
    ]


def test_a_plan_is_compared_without_declaring_it(crm):
    crm.track("seen", "1", source="web")
    assert differing(crm, {"name": "web", "events": {}}) == [("undeclared", "seen", "", "event", 1)]
    assert differing(crm, Source("new", events={"seen": EventPlan()})) == [("never seen", "seen", "event", "", 0)]
    assert crm.declarations() == []


def test_the_declared_are_compared_all_or_one(crm):
    for name in ("app", "web"):
        crm.declare_source(Source(name, events={"seen": EventPlan()}))
    crm.track("whatever", "1", source="free")
    assert [one.source for one in crm.schema_diff()] == ["app", "web"]
    assert [one.source for one in crm.schema_diff("web")] == ["web"]
    with pytest.raises(UndeclaredSource, match="crm schema declare"):
        crm.schema_diff("free")
    with pytest.raises(UnknownSource):
        crm.schema_diff("nope")


def test_nothing_differs_where_nothing_is_declared(crm):
    crm.track("seen", "1", source="web")
    assert crm.schema_diff() == []


@many
@given(sources().filter(lambda one: one.undeclared == "quarantine"), st.lists(statements(), max_size=8))
def test_the_log_contradicts_a_plan_just_where_a_statement_would_be_refused(open_crm, plan, said):
    """But for allowed values, which the schema does not hold, and what an identify statement leaves out."""
    loose = Source(
        plan.name,
        events=plan.events
        and {
            name: EventPlan(needs=one.needs, fields=_any_value(one.fields, required=True))
            for name, one in plan.events.items()
        },
        attributes=plan.attributes and _any_value(plan.attributes, required=False),
    )
    crm = open_crm(f"differs-{next(NUMBERS)}.db")
    crm._take(said)
    contradicted = any(one.is_contradiction for one in crm.schema_diff(loose))
    assert contradicted == any(any(problems(loose, one)) for one in said)


def _any_value(fields, *, required):
    return {name: FieldPlan(one.type, required=one.required and required) for name, one in fields.items()}
