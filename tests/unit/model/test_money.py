"""Money is minor units and a currency."""

from decimal import Decimal

import pytest

from crmcore import Money
from crmcore.errors import InvalidMoney


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("12.30", "EUR", 1230),
        ("12.345", "EUR", 1235),
        ("-12.345", "EUR", -1235),
        ("1500", "JPY", 1500),
        ("1.2345", "KWD", 1235),
        ("0.00005", "CLF", 1),
    ],
)
def test_decimals_are_rounded_half_up_once_to_the_minor_unit(amount, currency, minor):
    assert Money.of(Decimal(amount), currency).minor == minor


@pytest.mark.parametrize("currency", ["eur", "EURO", "E1R", "", "ÄÖÜ"])
def test_a_code_not_of_iso_4217_is_refused(currency):
    with pytest.raises(InvalidMoney, match="ISO 4217"):
        Money(1, currency)


@pytest.mark.parametrize("amount", ["NaN", "Infinity"])
def test_no_number_is_no_money(amount):
    with pytest.raises(InvalidMoney, match="finite"):
        Money.of(Decimal(amount), "EUR")


def test_money_prints_as_a_person_reads_it():
    assert str(Money(123456789, "EUR")) == "1,234,567.89 EUR"
