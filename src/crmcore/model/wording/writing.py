"""Names, values, comparisons, lengths of time and money as text."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from crmcore.errors import InvalidCondition
from crmcore.model.condition import Op
from crmcore.model.fields import names_of
from crmcore.model.money import exponent
from crmcore.model.time import DAY, moment
from crmcore.model.values import kind_of, normalise, unscaled
from crmcore.model.wording.scanning import quoted
from crmcore.model.wording.words import SPANS, WRITTEN, is_bare


def named(name: str) -> str:
    """Return a name, in quotes where it must be."""
    return name if is_bare(name) else quoted(name)


def field_named(path: str) -> str:
    """Return the path of a field: its names joined by points, each in quotes where it must be."""
    return ".".join(map(named, names_of(path)))


def value(given: object) -> str:
    """Return a value of any kind."""
    normal: Any = normalise(given, "the value")
    return _VALUES[kind_of(normal)](normal)


def decimal(number: Decimal, places: int) -> str:
    """Return a decimal with at least so many places, and no zeros beyond."""
    whole, _, rest = f"{number + 0:f}".partition(".")
    rest = rest.rstrip("0").ljust(places, "0")
    return f"{whole}.{rest}" if rest else whole


def time(at: datetime) -> str:
    """Return a time in UTC."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


_VALUES: dict[str, Callable[[Any], str]] = {
    "null": lambda _null: "null",
    "bool": lambda truth: "true" if truth else "false",
    "int": str,
    "decimal": lambda number: decimal(number, 1),
    "time": time,
    "date": date.isoformat,
    "text": quoted,
}


def compared(name: str, op: Op, wanted: Any) -> str:
    """Return a comparison of what is named so."""
    match op:
        case Op.EXISTS | Op.NULL:
            return f"{name} {_WORDED[op]}"
        case Op.IN:
            return f"{name} in ({', '.join(map(value, wanted))})"
        case Op.FOLDED:
            return f"{name} = {value(wanted)} ignoring case"
        case _:
            return f"{name} {_WORDED[op]} {value(wanted)}"


_WORDED = WRITTEN | {Op.EXISTS: "exists", Op.NULL: "is null", Op.CONTAINS: "contains", Op.STARTS: "starts with"}


def sign(op: Op) -> str:
    """Return the sign of an operator of order; raise InvalidCondition for another."""
    if op not in WRITTEN:
        raise InvalidCondition(place="a number or time", problem=f"`{op.value}` compares neither")
    return WRITTEN[op]


def millionths(number: int) -> str:
    """Return what is kept times 10^6."""
    return decimal(unscaled(number), 0)


def money(minor: int, currency: str | None) -> str:
    """Return an amount in major units with its currency, or in minor units where there is none."""
    if currency is None:
        return f"{minor} minor units"
    places = exponent(currency)
    return f"{Decimal(minor).scaleb(-places):.{places}f} {currency}"


def share(hundredths: int) -> str:
    """Return hundredths of a percent."""
    return f"{decimal(Decimal(hundredths).scaleb(-2), 0)}%"


def span(length: int) -> str:
    """Return a length of time in the longest unit that it is a whole number of."""
    unit = next(name for name, one in SPANS.items() if length % one == 0 and (length or name == "d"))
    return f"{length // SPANS[unit]}{unit}"


def when(at: int) -> str:
    """Return a moment: a date for midnight in UTC, microseconds for what no calendar says."""
    try:
        found = moment(at)
    except OverflowError:
        return f"{at}us"
    return time(found) if at % DAY else found.date().isoformat()
