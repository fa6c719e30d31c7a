"""Values mean the same everywhere: text, int, bool, decimal, time, date and null, with no coercion between them.

A value is stored as (kind, number, text): int and bool as themselves, decimal times 10^6, time as microseconds UTC,
date as days since 1970-01-01, text as text. In JSON, what JSON lacks is a tagged object: {"$decimal": 1250000}.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, TypeVar

from crmcore.errors import InvalidTime, InvalidValue, Overflow
from crmcore.model.time import EPOCH_DAY, microseconds, moment

Value = str | int | bool | Decimal | datetime | date | None
One = TypeVar("One")
Stored = tuple[str, int | None, str | None]

INT64 = 2**63
SCALE = 6
MICRO = Decimal("0.000001")
HUGE = INT64 * MICRO
TAGS = {"$decimal": "decimal", "$time": "time", "$date": "date"}
MAX_TEXT = 1_000_000
SHORT = 1000
SMALL = 2**62
_ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def normalise(value: object, place: str) -> Value:
    """Return `value` as one of the types above; floats become decimals of six places.

    Raise InvalidValue for NaN, infinities, NUL, lone surrogates, naive times and other types, Overflow beyond 64 bits.
    """
    kind = type(value)
    if kind is str:
        return checked_text(value, place)  # type: ignore[arg-type]  # narrowed by kind
    if kind is int:
        return checked_int(value, place)  # type: ignore[arg-type]  # narrowed by kind
    if value is None or kind is bool:
        return value  # type: ignore[return-value]  # narrowed by kind
    return _normalise_rare(value, place)


def _normalise_rare(value: object, place: str) -> Value:
    match value:
        case float() | Decimal():
            return decimal6(value, place)
        case datetime():
            return _in_calendar(microseconds(value, place), place)
        case date():
            return value
        case bool():
            return bool(value)
        case int():
            return checked_int(int(value), place)
        case str():
            return checked_text(str(value), place)
    raise InvalidValue(place=place, problem=f"{type(value).__name__} is no text, int, bool, decimal, time or date")


def _in_calendar(at: int, place: str) -> datetime:
    try:
        return moment(at)
    except OverflowError as error:
        raise InvalidTime(place=place, problem="in UTC it is not of the years 1 to 9999") from error


def is_plain(text: str) -> bool:
    """Tell at a glance that a text is fine: short, ASCII and printable; others are looked at closely."""
    return len(text) <= SHORT and text.isascii() and text.isprintable()


def checked_text(text: str, place: str) -> str:
    """Return `text`; raise InvalidValue where it holds a NUL or a lone surrogate, or is longer than MAX_TEXT."""
    if len(text) > MAX_TEXT:
        raise InvalidValue(place=place, problem=f"{len(text):,} characters of text, at most {MAX_TEXT:,} fit")
    if "\0" in text:
        raise InvalidValue(place=place, problem="text holds a NUL character")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise InvalidValue(place=place, problem="text holds a lone surrogate") from error
    return text


def checked_int(number: int, place: str) -> int:
    """Return `number`; raise Overflow beyond 64 bits."""
    if not -INT64 <= number < INT64:
        raise Overflow(place=place, value=number)
    return number


def decimal6(number: float | Decimal, place: str) -> Decimal:
    """Return `number` as a decimal of six places, rounded half to even."""
    if not math.isfinite(number):
        raise InvalidValue(place=place, problem=f"{number} is no finite number")
    exact = number if isinstance(number, Decimal) else Decimal(repr(number))
    if abs(exact) >= HUGE or abs(rounded := exact.quantize(MICRO, ROUND_HALF_EVEN)) >= HUGE:
        raise Overflow(place=place, value=number)
    return rounded


def scaled(number: Decimal) -> int:
    """Return a decimal of six places times 10^6, as it is stored."""
    return int(number.scaleb(SCALE))


def unscaled(number: int) -> Decimal:
    """Return the decimal that is stored as `number`."""
    return Decimal(number).scaleb(-SCALE)


def kind_of(value: Value) -> str:  # noqa: PLR0911 - one line a kind
    """Return text, int, bool, decimal, time, date or null."""
    match value:
        case None:
            return "null"
        case bool():
            return "bool"
        case str():
            return "text"
        case int():
            return "int"
        case Decimal():
            return "decimal"
        case datetime():
            return "time"
        case date():
            return "date"


def with_kind(value: object) -> object:
    """Return a value, or several, so that no two kinds are equal: Python takes 1 for 1.0 and for True."""
    return tuple(map(with_kind, value)) if isinstance(value, tuple) else (kind_of(value), value)  # type: ignore[arg-type]  # what is left is a value


def number_of(value: Value) -> int | None:
    """Return the integer that stands for `value` in the store; None for text and null."""
    match value:
        case None | str():
            return None
        case bool() | int():
            return int(value)
        case Decimal():
            return scaled(value)
        case datetime():
            return microseconds(value, "value")
        case date():
            return (value - EPOCH_DAY).days


def stored(value: Value) -> Stored:
    """Return (kind, number, text) of a normal value."""
    return kind_of(value), number_of(value), value if isinstance(value, str) else None


def restored(kind: str, number: int | None, text: str | None) -> Value:
    """Return the value that `stored` made (kind, number, text) of."""
    if kind == "text":
        return text
    if number is None:
        return None
    if kind == "int":
        return number
    restore: Callable[[int], Value] = _RESTORE[kind]
    return restore(number)


_RESTORE: dict[str, Any] = {
    "bool": bool,
    "decimal": unscaled,
    "time": moment,
    "date": lambda days: EPOCH_DAY + timedelta(days=days),
}


def to_plain(value: object, place: str) -> Any:
    """Return a value, or a nested list or mapping of values, as what JSON can hold without loss."""
    kind = type(value)
    if kind is str:
        return checked_text(value, place)  # type: ignore[arg-type]  # narrowed by kind
    if kind is int:
        return checked_int(value, place)  # type: ignore[arg-type]  # narrowed by kind
    if isinstance(value, Mapping):
        return {_json_key(key, place): to_plain(inner, place) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [to_plain(inner, place) for inner in value]
    normal = normalise(value, place)
    tag = f"${kind_of(normal)}"
    return {tag: number_of(normal)} if tag in TAGS else normal


def _json_key(key: object, place: str) -> str:
    if not isinstance(key, str) or key.startswith("$"):
        raise InvalidValue(place=place, problem=f"the field name {key!r} is no text, or begins with $")
    return checked_text(key, place)


def from_plain(plain: Any) -> Any:
    """Return what `to_plain` was given."""
    if isinstance(plain, list):
        return [from_plain(inner) for inner in plain]
    if not isinstance(plain, dict):
        return plain
    if len(plain) == 1 and (tag := next(iter(plain))) in TAGS:
        return restored(TAGS[tag], plain[tag], None)
    return {key: from_plain(inner) for key, inner in plain.items()}


def kind_of_plain(plain: Any) -> str:
    """Return the kind of a value, or of what `to_plain` made of it; a list or mapping is json."""
    if isinstance(plain, dict):
        return TAGS.get(next(iter(plain), ""), "json")
    return "json" if isinstance(plain, list) else kind_of(plain)


def to_json(value: object, place: str) -> str:
    """Return values as JSON text, keys sorted, tagged as the module says."""
    if type(value) is dict and all(map(_is_simple, value, value.values())):
        return _ENCODER.encode(value)
    return _ENCODER.encode(to_plain(value, place))


def _is_simple(key: object, value: object) -> bool:
    """Tell at a glance that a field is JSON as it is."""
    if type(key) is not str or not is_plain(key) or key[:1] == "$":
        return False
    kind = type(value)
    return (kind is str and is_plain(value)) or (kind is int and -SMALL < value < SMALL) or kind is bool  # type: ignore[arg-type, operator]  # narrowed by kind


def from_json(text: str) -> Any:
    """Return what `to_json` was given."""
    return from_plain(json.loads(text))


def checked_list(given: Iterable[One], place: str) -> Iterable[One]:
    """Return several of something; raise InvalidValue for one of them: a text is one, and so is a mapping."""
    if isinstance(given, str | Mapping) or not isinstance(given, Iterable):
        raise InvalidValue(place=place, problem=f"{given!r} is one; give a list, as in [{given!r}]")
    return given
