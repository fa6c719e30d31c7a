"""Events are checked where they are made."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest

from crmcore import Money
from crmcore.errors import FutureEvent, InputError, InvalidMoney, InvalidName, InvalidTime, Overflow
from crmcore.model.event import event, message_key

NOW = 1_772_366_400_000_000
SOON = datetime(2026, 3, 1, 12, 4, tzinfo=UTC)


def test_an_event_without_time_happened_now():
    assert event(NOW, "order_placed", "42").at == NOW


def test_an_event_up_to_five_minutes_ahead_is_taken():
    assert event(NOW, "order_placed", "42", at=SOON).at > NOW


def test_an_event_from_next_year_is_refused_naming_it():
    with pytest.raises(FutureEvent, match=r"order_placed\.at"):
        event(NOW, "order_placed", "42", at=SOON + timedelta(days=365))


def test_a_time_without_zone_is_refused_naming_the_fix():
    with pytest.raises(InvalidTime, match="time zone"):
        event(NOW, "order_placed", "42", at=datetime(2026, 1, 1))  # noqa: DTZ001 - it is the point


@pytest.mark.parametrize("amount", [12.5, "12", True])
def test_an_amount_that_is_no_minor_units_is_refused_naming_the_fix(amount):
    with pytest.raises(InvalidMoney, match=r"Money\.of"):
        event(NOW, "order_placed", "42", amount=amount, currency="EUR")


def test_an_amount_needs_a_currency():
    with pytest.raises(InvalidMoney, match="currency"):
        event(NOW, "order_placed", "42", amount=12)


def test_money_brings_its_currency():
    made = event(NOW, "order_placed", "42", amount=Money(12, "EUR"))
    assert (made.amount, made.currency) == (12, "EUR")


@pytest.mark.parametrize("name", ["Order Placed", "", "1st", "x" * 101, "order-placed"])
def test_a_name_of_another_form_is_refused(name):
    with pytest.raises(InvalidName):
        event(NOW, name, "42")


@pytest.mark.parametrize("properties", [{"x": float("nan")}, {"$x": 1}, {1: 2}, {"x": object()}])
def test_properties_that_cannot_be_kept_are_refused(properties):
    with pytest.raises(InputError):
        event(NOW, "order_placed", "42", properties=properties)


def test_a_quantity_beyond_64_bits_is_an_overflow():
    with pytest.raises(Overflow, match="quantity"):
        event(NOW, "order_placed", "42", quantity=10**13)


def test_a_uuid_is_its_own_message_key():
    one = uuid.uuid4()
    assert message_key(str(one)) == one.bytes


@pytest.mark.parametrize("text", ["order-1", "x" * 36, "a" * 200])
def test_any_other_message_id_is_hashed_to_16_bytes(text):
    assert len(message_key(text)) == 16
