"""Money: an integer number of minor units (pence, cents, yen) and a currency of ISO 4217."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

import attrs

from crmcore.errors import InvalidMoney

#: Decimal places of the currencies that do not have two (ISO 4217, list one).
EXPONENTS = {
    **dict.fromkeys(
        [
            "BIF",
            "CLP",
            "DJF",
            "GNF",
            "ISK",
            "JPY",
            "KMF",
            "KRW",
            "PYG",
            "RWF",
            "UGX",
            "UYI",
            "VND",
            "VUV",
            "XAF",
            "XOF",
            "XPF",
        ],
        0,
    ),
    **dict.fromkeys(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"], 3),
    **dict.fromkeys(["CLF", "UYW"], 4),
}
INT64 = 2**63
LETTERS = 3
#: No 64-bit integer has more; a decimal can have a billion.
DIGITS = 19


def exponent(currency: str) -> int:
    """Return the number of decimal places of a currency."""
    return EXPONENTS.get(currency, 2)


@lru_cache(maxsize=1024)
def is_currency(code: object) -> bool:
    """Tell whether `code` has the form of an ISO 4217 code: three capital letters."""
    return isinstance(code, str) and len(code) == LETTERS and code.isascii() and code.isalpha() and code.isupper()


@attrs.frozen
class Money:
    """An amount in minor units; attributes: `minor` (int), `currency` (ISO 4217)."""

    minor: int
    currency: str

    def __attrs_post_init__(self) -> None:
        if type(self.minor) is not int or not -INT64 <= self.minor < INT64:
            raise InvalidMoney(place="minor", problem=f"{self.minor!r} is no 64-bit integer; Money.of takes decimals")
        if not is_currency(self.currency):
            raise InvalidMoney(place="currency", problem=f"{self.currency!r} is no ISO 4217 code such as 'EUR'")

    @classmethod
    def of(cls, amount: Decimal | int | str, currency: str) -> Money:
        """Return a decimal amount of major units, rounded half up once to the currency's minor unit."""
        number = Decimal(amount)
        if not number.is_finite():
            raise InvalidMoney(place="amount", problem=f"{amount!r} is no finite number")
        if number.adjusted() >= DIGITS:
            raise InvalidMoney(place="amount", problem=f"{amount!r} has more than {DIGITS} digits")
        return cls(int(number.scaleb(exponent(currency)).to_integral_value(ROUND_HALF_UP)), currency)

    def __str__(self) -> str:
        places = exponent(self.currency)
        return f"{Decimal(self.minor).scaleb(-places):,.{places}f} {self.currency}"
