"""The tracking plan: what a source says that it sends.

The types are those of `model.values`, with no coercion between them: 5 is an int and no decimal, 5.0 is a decimal, since a
segment compares a field with values of its own type alone. `number` takes both; `json` takes lists and mappings. Null
fits wherever a field is not required.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import attrs

from crmcore.errors import InputError, InvalidTrackingPlan, InvalidValue
from crmcore.model.names import checked_name
from crmcore.model.values import checked_text, from_plain, kind_of, normalise, to_json, with_kind

__all__ = ["COLUMNS", "QUARANTINE", "TAKE", "TYPES", "EventPlan", "FieldPlan", "Source", "a_kind", "advice"]

#: The kinds of value that a field of each declared type takes.
TYPES: Mapping[str, frozenset[str]] = {
    "text": frozenset({"text"}),
    "int": frozenset({"int"}),
    "decimal": frozenset({"decimal"}),
    "number": frozenset({"int", "decimal"}),
    "bool": frozenset({"bool"}),
    "time": frozenset({"time"}),
    "date": frozenset({"date"}),
    "json": frozenset({"json"}),
}
#: An attribute is one value, never a list or mapping.
OF_ATTRIBUTES = tuple(name for name in TYPES if name != "json")
#: The columns of an event that a plan may ask for.
COLUMNS = ("item", "quantity", "amount", "currency", "ref")
#: What becomes of a statement that says more than its source declares.
QUARANTINE, TAKE = "quarantine", "take"


def _listed(given: Any, place: str) -> tuple[Any, ...]:
    if not isinstance(given, list | tuple):
        raise InvalidValue(place=place, problem=f"{given!r} is no list; write [{given!r}]")
    return tuple(given)


def _allowed(given: Any) -> tuple[Any, ...]:
    return tuple(normalise(from_plain(one), "allowed") for one in _listed(given, "allowed"))


def _needs(given: Any) -> tuple[Any, ...]:
    return _listed(given, "needs")


@attrs.frozen
class FieldPlan:
    """A property of an event, or an attribute of a customer.

    Attributes: `type` (one of TYPES); `required`; `allowed` (the values it may have; any where none are named).
    """

    type: str
    required: bool = attrs.field(default=False, kw_only=True)
    allowed: tuple[Any, ...] = attrs.field(default=(), kw_only=True, converter=_allowed, eq=with_kind)

    @cached_property
    def _allowed_texts(self) -> frozenset[str]:
        """JSON texts are equal where kind and value are: 1 is neither True nor 1.0."""
        return frozenset(to_json(one, "allowed") for one in self.allowed)

    def allows(self, value: object) -> bool:
        """Tell whether a value is among those allowed."""
        return not self.allowed or to_json(value, "allowed") in self._allowed_texts


Fields = Mapping[str, FieldPlan]


def _fields(given: Mapping[str, FieldPlan | str]) -> Fields:
    """A type alone stands for a field that is not required."""
    return {name: FieldPlan(one) if isinstance(one, str) else one for name, one in given.items()}


@attrs.frozen(kw_only=True)
class EventPlan:
    """One kind of event: its properties, and the columns (of COLUMNS) that it needs."""

    fields: Fields = attrs.field(factory=dict, converter=_fields)
    needs: tuple[str, ...] = attrs.field(default=(), converter=_needs)


@attrs.frozen
class Source:
    """What a source says that it sends: `Source("web", events={"page_viewed": EventPlan(fields={"page": "text"})})`.

    Attributes: `name`; `events` by name, and `attributes` that its identify statements set (each unchecked where it is
    left out); `undeclared` ("quarantine", or "take" for a source that is still being described).

    Raise InvalidTrackingPlan naming the place and the fix.
    """

    name: str
    events: Mapping[str, EventPlan] | None = attrs.field(
        default=None, kw_only=True, converter=attrs.converters.optional(dict)
    )
    attributes: Fields | None = attrs.field(default=None, kw_only=True, converter=attrs.converters.optional(_fields))
    undeclared: str = attrs.field(default=QUARANTINE, kw_only=True)

    def __attrs_post_init__(self) -> None:
        _check(self)


def a_kind(kind: str) -> str:
    """Return a kind of value with its article."""
    return {"text": "text", "json": "json", "null": "null", "int": "an int"}.get(kind, f"a {kind}")


def advice(declared: str, found: str) -> str:
    """Return what to say of the one mix-up that is no oversight: JSON of other languages writes 5.0 as 5."""
    return " (5.0 is one, 5 is none; number takes both)" if (declared, found) == ("decimal", "int") else ""


def _check(source: Source) -> None:
    place = "name"
    try:
        if not isinstance(source.name, str) or not checked_text(source.name, place).strip():
            raise _wrong(source, place, f"{source.name!r} is no name")
        _one_of(source, source.undeclared, (QUARANTINE, TAKE), "undeclared")
        for name, plan in (source.events or {}).items():
            place = f"events.{name}"
            checked_name(name, "event", place)
            _check_event(source, plan, place)
        for name in source.attributes or {}:
            place = f"attributes.{name}"
            checked_name(name, "attribute", place)
        _check_fields(source, source.attributes or {}, "attributes", OF_ATTRIBUTES)
    except InvalidTrackingPlan:
        raise
    except InputError as error:
        raise _wrong(source, place, str(error).rstrip(".")) from error


def _check_event(source: Source, plan: EventPlan, place: str) -> None:
    if not isinstance(plan, EventPlan):
        raise _wrong(source, place, f"{plan!r} is no EventPlan")
    for column in plan.needs:
        _one_of(source, column, COLUMNS, f"{place}.needs")
    _check_fields(source, plan.fields, f"{place}.fields", tuple(TYPES))


def _check_fields(source: Source, fields: Fields, place: str, types: Sequence[str]) -> None:
    for name, plan in fields.items():
        if not isinstance(name, str) or not name or name.startswith("$"):
            raise _wrong(source, place, f"{name!r} is no name of a field: it is no text, or empty, or begins with $")
        if not isinstance(plan, FieldPlan):
            raise _wrong(source, f"{place}.{name}", f"{plan!r} is neither a type nor a FieldPlan")
        _one_of(source, plan.type, types, f"{place}.{name}.type")
        for one in plan.allowed:
            if (kind := kind_of(one)) not in TYPES[plan.type]:
                problem = f"{one!r} is {a_kind(kind)}, the field is {a_kind(plan.type)}{advice(plan.type, kind)}"
                raise _wrong(source, f"{place}.{name}.allowed", problem)


def _one_of(source: Source, word: Any, known: Sequence[str], place: str) -> None:
    if word not in known:
        near = difflib.get_close_matches(str(word), known, 1)
        meant = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
        raise _wrong(source, place, f"{word!r} is not known; {meant}")


def _wrong(source: Source, place: str, problem: str) -> InvalidTrackingPlan:
    return InvalidTrackingPlan(source=source.name, place=place, problem=problem)
