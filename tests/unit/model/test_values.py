"""Values mean the same everywhere."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmcore.errors import InvalidValue, Overflow
from crmcore.model.values import from_json, kind_of, normalise, restored, stored, to_json
from crmcore.testing.strategies import values


@given(values())
def test_a_value_comes_back_from_the_store_as_it_was(value):
    kind, number, text = stored(value)
    assert (restored(kind, number, text), kind) == (value, kind_of(value))


@given(values())
def test_a_value_comes_back_from_json_as_it_was(value):
    back = from_json(to_json(value, "x"))
    assert (back, type(back)) == (value, type(value))


@given(
    st.recursive(
        values(), lambda inner: st.lists(inner) | st.dictionaries(st.from_regex("[a-z]+", fullmatch=True), inner)
    )
)
def test_nested_values_come_back_from_json_as_they_were(value):
    assert from_json(to_json(value, "x")) == value


@pytest.mark.parametrize("value", [float("nan"), float("inf"), Decimal("NaN"), Decimal("-Infinity")])
def test_what_is_no_finite_number_is_refused(value):
    with pytest.raises(InvalidValue, match="finite"):
        normalise(value, "price")


@pytest.mark.parametrize("value", ["a\0b", "\ud800", datetime(2026, 1, 1), object(), b"x"])  # noqa: DTZ001 - it is the point
def test_what_no_store_can_hold_is_refused_naming_the_place(value):
    with pytest.raises(ValueError, match=r"profile\.x"):
        normalise(value, "profile.x")


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, 1e300, Decimal(10**13)])
def test_what_64_bits_cannot_hold_is_an_overflow_naming_the_place(value):
    with pytest.raises(Overflow, match="points"):
        normalise(value, "points")


def test_a_decimal_may_take_the_64_bits_to_the_last_millionth():
    assert normalise(Decimal("9223372036854.775807"), "points") == Decimal("9223372036854.775807")
    with pytest.raises(Overflow, match="points"):
        normalise(Decimal("9223372036854.7758075"), "points")


def test_floats_become_decimals_of_six_places():
    assert normalise(0.1, "x") == Decimal("0.100000")


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("a", "text"),
        (1, "int"),
        (True, "bool"),
        (Decimal("1.5"), "decimal"),
        (datetime(2026, 1, 1, tzinfo=UTC), "time"),
        (date(2026, 1, 1), "date"),
        (None, "null"),
    ],
)
def test_each_type_has_its_kind(value, kind):
    assert kind_of(value) == kind
