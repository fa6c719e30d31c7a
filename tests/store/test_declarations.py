"""What a source declares is the same in Python, TOML and JSON, and kept in versions."""

from __future__ import annotations

import json
import tomllib

import pytest
from hypothesis import given

from crmcore.errors import InvalidTrackingPlan
from crmcore.model.tracking import EventPlan, FieldPlan, Source
from crmcore.store.declarations import data_of, source_of
from crmcore.testing.strategies import sources


def toml(value):
    """Plain data as TOML; its strings are those of JSON."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {toml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value)


@given(sources())
def test_python_toml_and_json_say_the_same(source):
    plain = data_of(source)
    assert source_of(plain) == source
    assert source_of(json.loads(json.dumps(plain))) == source
    assert source_of(tomllib.loads("\n".join(f"{key} = {toml(value)}" for key, value in plain.items()))) == source


def test_toml_as_a_person_writes_it():
    written = """
    name = "web"
    [events.product_viewed]
    needs = ["item"]
    fields = { price = "decimal", page = { type = "text", required = true }, on = { type = "date", allowed = [2026-01-01] } }
    [events.page_viewed]
    [attributes]
    size = { type = "decimal", allowed = [0.5, 1.0] }
    """
    fields = {
        "price": "decimal",
        "page": FieldPlan("text", required=True),
        "on": FieldPlan("date", allowed=[tomllib.loads("on = 2026-01-01")["on"]]),
    }
    assert source_of(tomllib.loads(written)) == Source(
        "web",
        events={"product_viewed": EventPlan(needs=["item"], fields=fields), "page_viewed": EventPlan()},
        attributes={"size": FieldPlan("decimal", allowed=[0.5, 1.0])},
    )


@pytest.mark.parametrize(
    ("plain", "place", "said"),
    [
        (5, "the plan", "no table"),
        ({}, "name", "missing"),
        ({"name": 5}, "name", "no str"),
        ({"name": "web", "evnts": {}}, "the plan", "did you mean events?"),
        ({"name": "web", "events": []}, "events", "no table"),
        ({"name": "web", "events": {"seen": 7}}, "events.seen", "no table"),
        ({"name": "web", "events": {"seen": {"needs": "item"}}}, "events.seen", "write ['item']"),
        (
            {"name": "web", "events": {"seen": {"fields": {"p": {"typ": "int"}}}}},
            "events.seen.fields.p.type",
            "missing",
        ),
        (
            {"name": "web", "events": {"seen": {"fields": {"p": {"type": "int", "requird": True}}}}},
            "events.seen.fields.p",
            "did you mean required?",
        ),
        ({"name": "web", "attributes": {"p": {"type": "int", "required": "yes"}}}, "attributes.p.required", "no bool"),
        ({"name": "web", "attributes": {"p": {"type": "int", "allowed": [[1]]}}}, "attributes.p", "list is no"),
        ({"name": "web", "attributes": {"p": "txt"}}, "attributes.p.type", "did you mean text?"),
    ],
)
def test_an_error_names_the_place_and_the_fix(plain, place, said):
    with pytest.raises(InvalidTrackingPlan) as caught:
        source_of(plain)
    assert caught.value.fields["place"] == place
    assert said in str(caught.value)


def test_a_declaration_is_replaced_by_the_next_and_the_same_again_is_none(crm, clock):
    first = crm.declare_source(Source("web", events={"seen": EventPlan()}))
    clock.turn("1h")
    again = crm.declare_source({"name": "web", "events": {"seen": {}}})
    other = crm.declare_source(Source("web", events={"bought": EventPlan()}))
    assert again == first
    assert (first.version, other.version, other.declared_at - first.declared_at) == (1, 2, 3_600_000_000)
    assert crm.declarations() == [other]


def test_sources_are_declared_apart(crm):
    shop, web = (crm.declare_source(Source(name, events={})) for name in ("shop", "web"))
    assert crm.declarations() == [shop, web]
