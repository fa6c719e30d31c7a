"""A field of an event is a name, or a path of names that leads into tables."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmcore.errors import InvalidCondition, InvalidValue
from crmcore.model.fields import LONGEST, checked_field, names_of, path_of, value_in

NAMES = st.text(min_size=1, max_size=5).filter(
    lambda one: one[0] != "$" and not {'"', "\\", "\0"} & set(one) and one.encode("utf-8", "ignore").decode() == one
)


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("price", ["price"]),
        ("utm.source", ["utm", "source"]),
        ('"utm.source"', ["utm.source"]),
        ('utm."a.b".c d', ["utm", "a.b", "c d"]),
    ],
)
def test_points_join_names_but_in_quotes(path, names):
    assert list(names_of(path)) == names


@given(st.lists(NAMES, min_size=1, max_size=4))
def test_any_names_come_back_from_their_path(names):
    assert list(names_of(path_of(names))) == names


def test_quotes_that_need_not_be_are_left_out():
    assert checked_field('"utm"."source"') == "utm.source"


@pytest.mark.parametrize(
    "path", ["", ".", "a.", ".a", "a..b", 'a"b', '"a', '""', "a\\b", "$decimal", "price.$decimal", 3]
)
def test_what_leads_nowhere_is_refused_naming_the_fix(path):
    with pytest.raises(InvalidCondition, match=r"as in utm\.source"):
        names_of(path)


@pytest.mark.parametrize("path", ["a\0b", "\ud800"])
def test_what_no_database_holds_is_refused(path):
    with pytest.raises(InvalidValue):
        names_of(path)


def test_a_path_has_an_end():
    assert len(names_of(".".join(["a"] * LONGEST))) == LONGEST
    with pytest.raises(InvalidCondition, match="more than"):
        names_of(".".join(["a"] * (LONGEST + 1)))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("utm.source", "ads"),
        ("utm", {"source": "ads", "0": 1, "null": None}),
        ("utm.null", None),
        ("utm.0", 1),
        ("utm.medium", "missing"),
        ("list.0", "missing"),
        ("text.source", "missing"),
        ("nothing.source", "missing"),
        ("utm.null.source", "missing"),
        ('"utm.source"', "flat"),
    ],
)
def test_a_path_leads_through_tables_and_nothing_else(path, value):
    utm = {"source": "ads", "0": 1, "null": None}
    properties = {"utm": utm, "list": [1], "text": "source", "nothing": None, "utm.source": "flat"}
    assert value_in(properties, path, "missing") == value
