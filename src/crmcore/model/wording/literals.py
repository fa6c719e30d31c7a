"""Values, shares of all and money, as texts write them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, NoReturn

from crmcore.model.condition import BUCKETS, CURRENCY
from crmcore.model.money import exponent
from crmcore.model.values import SCALE, Value, checked_int, checked_text, decimal6, scaled
from crmcore.model.wording import naming, timing
from crmcore.model.wording.cursor import Cursor
from crmcore.model.wording.refusing import meant, shortened
from crmcore.model.wording.scanning import Token
from crmcore.model.wording.words import CONSTANTS, DIGITS


def value(cursor: Cursor) -> Value:
    """Return a value of any kind."""
    token = cursor.peek()
    match token.kind:
        case "text":
            return text(cursor)
        case "number":
            return number(cursor)
        case "time":
            return timing.time(cursor)
        case "word" if token.raw.lower() in CONSTANTS:
            return CONSTANTS[cursor.next().raw.lower()]
    return _no_value(cursor, token)


def _no_value(cursor: Cursor, token: Token) -> NoReturn:
    if token.kind == "word":
        problem = f'expected a value, found {token}; write texts in quotes, as in "{shortened(token.raw)}"'
        raise cursor.refused(token, problem + meant(token.raw, CONSTANTS))
    raise cursor.unexpected('a value, as in "text", 12, 1.5, true, 2026-01-31 or 2026-01-31T10:00:00Z')


def text(cursor: Cursor) -> str:
    """Return a text in quotes."""
    token = cursor.peek()
    if token.kind != "text":
        raise cursor.unexpected("a text in quotes")
    with cursor.placed(token):
        return checked_text(cursor.quoted(), "the text")


def number(cursor: Cursor) -> int | Decimal:
    """Return an integer, or a decimal of six places where there is a point; before a currency as it is written."""
    token = cursor.peek()
    found = _as_written(cursor)
    if isinstance(found, int) or is_currency_next(cursor):
        return found
    with cursor.placed(token):
        return decimal6(found, "the number")


def _as_written(cursor: Cursor) -> int | Decimal:
    token = cursor.peek()
    if token.kind != "number":
        raise cursor.unexpected("a number")
    whole, point, places = cursor.next().raw.partition(".")
    digits = whole.lstrip("-0") or "0"
    if len(digits) > DIGITS:
        raise cursor.refused(token, f"{token} is outside the 64 bits a number may take")
    if len(places.rstrip("0")) > SCALE:
        raise cursor.refused(token, f"{token} has more than {SCALE} decimal places")
    sign = -1 if whole.startswith("-") else 1
    if point:
        return sign * Decimal(f"{digits}.{places[:SCALE]}") + 0
    with cursor.placed(token):
        return checked_int(sign * int(digits), "the number")


def integer(cursor: Cursor) -> int:
    """Return an integer."""
    token = cursor.peek()
    found = number(cursor)
    if isinstance(found, Decimal):
        raise cursor.refused(token, f"expected an integer, found {token}")
    return found


def millionths(cursor: Cursor) -> int:
    """Return a number times 10^6, as quantities are compared."""
    token = cursor.peek()
    found = number(cursor)
    with cursor.placed(token):
        return scaled(decimal6(Decimal(found), "the number"))


def percent(cursor: Cursor) -> int:
    """Return a share of all in hundredths of a percent."""
    token = cursor.peek()
    found = Decimal(number(cursor)) * 100
    cursor.need("%")
    if found != int(found) or not 0 <= found <= BUCKETS:
        raise cursor.refused(token, f"expected a share from 0% to 100% of at most two decimal places, found {token}")
    return int(found)


def is_currency_next(cursor: Cursor) -> bool:
    """Tell whether a currency comes next."""
    token = cursor.peek()
    return token.kind == "word" and CURRENCY.fullmatch(token.raw) is not None


def currency(cursor: Cursor) -> str:
    """Return an ISO 4217 code."""
    if not is_currency_next(cursor):
        raise cursor.unexpected("a currency of three capital letters, as in EUR")
    return cursor.next().raw


def amount(cursor: Cursor, named: str | None) -> tuple[int, str | None]:
    """Return an amount in minor units, and its currency: the one said, or the one `named` before."""
    token = cursor.peek()
    found = _as_written(cursor)
    if isinstance(found, int) and cursor.take("minor", "units"):
        return found, named
    at = cursor.peek()
    said = currency(cursor) if is_currency_next(cursor) else named
    if said is None:
        problem = f"{token} needs its currency, as in {shortened(token.raw)} EUR; or say 500 minor units (cents, say)"
        raise cursor.refused(token, problem)
    if named not in (None, said):
        raise cursor.refused(at, f"expected {named}, as before, found {said}")
    return minor(cursor, token, found, said), said


def minor(cursor: Cursor, token: Token, major: int | Decimal, code: str) -> int:
    """Return an amount of major units in minor ones; nothing is rounded."""
    found = Decimal(major).scaleb(exponent(code))
    if found != int(found):
        raise cursor.refused(token, f"{token} has more decimal places than {code}, which has {exponent(code)}")
    with cursor.placed(token):
        return checked_int(int(found), "the amount")


def plain(cursor: Cursor) -> Any:
    """Return a value, a list `[1, 2]` or a table `{a = 1}` of such."""
    with cursor.nested():
        if cursor.take("["):
            return _items(cursor)
        return pairs(cursor, "}") if cursor.take("{") else value(cursor)


def _items(cursor: Cursor) -> list[Any]:
    found: list[Any] = []
    while not cursor.take("]"):
        if found:
            _comma(cursor, "]")
        found.append(plain(cursor))
    return found


def pairs(cursor: Cursor, close: str) -> dict[str, Any]:
    """Return the `name = value` up to a closing sign."""
    found: dict[str, Any] = {}
    while not cursor.take(close):
        if found:
            _comma(cursor, close)
        token = cursor.peek()
        named = naming.key(cursor)
        if named in found:
            raise cursor.refused(token, f"{token} is given twice")
        cursor.need("=")
        found[named] = plain(cursor)
    return found


def _comma(cursor: Cursor, close: str) -> None:
    if not cursor.take(","):
        raise cursor.unexpected(f"`,` or `{close}`")
