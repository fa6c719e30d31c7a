"""A tracking plan that says something impossible is an error naming the place and the fix."""

from __future__ import annotations

from decimal import Decimal

import pytest

from crmcore.errors import InvalidTrackingPlan, InvalidValue
from crmcore.model.tracking import EventPlan, FieldPlan, Source


def test_a_type_alone_stands_for_a_field_that_is_not_required():
    assert EventPlan(fields={"price": "decimal"}).fields == {"price": FieldPlan("decimal")}


def test_allowed_floats_are_decimals_as_everywhere():
    assert FieldPlan("decimal", allowed=[0.5]).allowed == (Decimal("0.500000"),)


def test_of_true_and_1_only_the_one_named_is_allowed():
    assert FieldPlan("number", allowed=[1]).allows(1)
    assert not FieldPlan("number", allowed=[1]).allows(Decimal(1))
    assert not FieldPlan("bool", allowed=[True]).allows(False)


def test_two_plans_that_allow_values_of_two_kinds_are_two():
    assert FieldPlan("number", allowed=[1]) != FieldPlan("number", allowed=[Decimal(1)])
    assert FieldPlan("number", allowed=[1]) == FieldPlan("number", allowed=[1])


@pytest.mark.parametrize(
    ("parts", "place", "said"),
    [
        ({"name": " "}, "name", "no name"),
        ({"name": "a\0"}, "name", "NUL"),
        ({"undeclared": "quarantaine"}, "undeclared", "did you mean quarantine?"),
        ({"events": {"Seen it": EventPlan()}}, "events.Seen it", "lower-case"),
        ({"events": {"seen": {}}}, "events.seen", "no EventPlan"),
        ({"events": {"seen": EventPlan(needs=["itm"])}}, "events.seen.needs", "did you mean item?"),
        ({"events": {"seen": EventPlan(fields={"p": "txt"})}}, "events.seen.fields.p.type", "did you mean text?"),
        ({"events": {"seen": EventPlan(fields={"p": 5})}}, "events.seen.fields.p", "neither a type nor"),
        ({"events": {"seen": EventPlan(fields={"$p": "int"})}}, "events.seen.fields", "begins with"),
        ({"attributes": {"City": "text"}}, "attributes.City", "lower-case"),
        ({"attributes": {"tags": "json"}}, "attributes.tags.type", "known are text"),
        (
            {"attributes": {"size": FieldPlan("decimal", allowed=[1])}},
            "attributes.size.allowed",
            "1 is an int, the field is a decimal (5.0 is one",
        ),
    ],
)
def test_an_error_names_the_place_and_the_fix(parts, place, said):
    with pytest.raises(InvalidTrackingPlan) as caught:
        Source(**{"name": "web"} | parts)
    assert caught.value.fields["place"] == place
    assert said in str(caught.value)


def test_one_value_where_a_list_belongs_is_no_list_of_its_letters():
    with pytest.raises(InvalidValue, match=r"write \['item'\]"):
        EventPlan(needs="item")
    with pytest.raises(InvalidValue, match=r"write \['tea'\]"):
        FieldPlan("text", allowed="tea")
