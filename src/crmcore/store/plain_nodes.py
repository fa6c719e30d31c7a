"""How a node of plain data is read: its fields checked, its words and values taken as they are."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import attrs

from crmcore.errors import InvalidCondition
from crmcore.model.clauses import checked_value
from crmcore.model.condition import ORDER, Op
from crmcore.model.time import microseconds, moment
from crmcore.model.values import decimal6, from_plain, normalise, scaled, to_plain

if TYPE_CHECKING:
    from cattrs import Converter

Plain = dict[str, Any]


@attrs.frozen(kw_only=True)
class ValueNode:
    """The fields a node about one value may have."""

    name: str
    op: str = "=="
    value: Any = None


@lru_cache(maxsize=1)
def strict_converter() -> Converter:
    """Return a converter that refuses unknown fields and turns no value into another type."""
    from cattrs import Converter

    converter = Converter(forbid_extra_keys=True)
    for kind in (str, bool, int):
        converter.register_structure_hook(kind, _as_it_is)
    converter.register_structure_hook(float, _number)
    return converter


def _as_it_is(value: Any, kind: type[Any]) -> Any:
    """Nothing is coerced: a number is no text."""
    if type(value) is not kind:
        raise TypeError(f"{value!r} is no {kind.__name__}")
    return value


def _number(value: Any, _: type[Any]) -> float:
    """A whole number is a number too, as JSON writes it; a bool is none."""
    if type(value) not in (int, float):
        raise TypeError(f"{value!r} is no number")
    return float(value)


def structured(plain: Mapping[str, Any], kind: type[Any], renamed: Mapping[str, str], place: str) -> Any:
    """Return a node of a kind; `renamed` says which field a key stands for. Raise InvalidCondition."""
    from cattrs import transform_error

    fields = {renamed.get(key, key): value for key, value in plain.items()}
    unknown = sorted(set(fields) - {field.name for field in attrs.fields(kind)})
    if unknown:
        known = [{value: key for key, value in renamed.items()}.get(f.name, f.name) for f in attrs.fields(kind)]
        near = difflib.get_close_matches(unknown[0], known, 1)
        meant = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
        raise InvalidCondition(place=place, problem=f"{unknown[0]!r} does not belong here; {meant}")
    try:
        return strict_converter().structure(fields, kind)
    except Exception as error:
        raise InvalidCondition(place=place, problem="; ".join(transform_error(error))) from error


def compared_data(op: Op, value: Any, place: str) -> Plain:
    """Return a comparison as plain data."""
    return {"is": op.value} if op in (Op.EXISTS, Op.NULL) else {"is": op.value, "value": to_plain(value, place)}


def comparison(node: ValueNode, place: str) -> tuple[Op, Any]:
    """Return the operator and value of a node; raise InvalidCondition where they do not fit."""
    op = op_of(node.op, place)
    if op in (Op.EXISTS, Op.NULL):
        return op, None
    if op is Op.IN:
        if not isinstance(node.value, list | tuple):
            raise InvalidCondition(place=place, problem="`in` needs a list of values")
        return op, tuple(_value(one, place) for one in node.value)
    return op, checked_value(op, _value(node.value, place), place)


def _value(plain: Any, place: str) -> Any:
    return normalise(from_plain(plain), place)


def op_of(word: str, place: str) -> Op:
    """Return the operator of a word; raise InvalidCondition."""
    try:
        return Op(word)
    except ValueError as error:
        raise InvalidCondition(place=place, problem=f"{word!r} is none of {', '.join(Op)}") from error


def order_of(word: str, place: str) -> Op:
    """Return the operator that compares two numbers; raise InvalidCondition."""
    op = op_of(word, place)
    if op not in ORDER:
        raise InvalidCondition(
            place=place, problem=f"numbers and times compare by {', '.join(sorted(ORDER))}, not {op}"
        )
    return op


def whole(plain: Any, place: str) -> int:
    """Return an integer of 64 bits; raise InvalidCondition or Overflow."""
    if type(plain) is not int:
        raise InvalidCondition(place=f"{place}.value", problem=f"{plain!r} is no integer")
    normalise(plain, place)
    return plain


def millionths(plain: Any, place: str) -> int:
    """Return a number times 10^6; raise InvalidCondition, or Overflow beyond 64 bits."""
    number = from_plain(plain)
    if isinstance(number, bool) or not isinstance(number, int | float | Decimal):
        raise InvalidCondition(place=f"{place}.value", problem=f"{plain!r} is no number")
    if isinstance(plain, dict):
        return whole(scaled(number), place)  # type: ignore[arg-type]  # a tagged number is a decimal
    return scaled(decimal6(Decimal(number) if isinstance(number, int) else number, place))


def moment_data(at: int | None) -> str | int | None:
    """Return a time as ISO 8601 text; what no calendar date can say, in microseconds UTC; None where there is none."""
    try:
        return None if at is None else moment(at).isoformat()
    except OverflowError:
        return at


def moment_of(plain: Any, place: str) -> int | None:
    """Return a time, as ISO 8601 text, a datetime with a zone or an integer, in microseconds UTC; None where there is none."""
    if isinstance(plain, str):
        try:
            plain = datetime.fromisoformat(plain)
        except ValueError as error:
            raise InvalidCondition(place=place, problem=f"{plain!r} is no ISO 8601 time") from error
    return None if plain is None else microseconds(plain, place)
