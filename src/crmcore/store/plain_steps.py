"""Steps and triggers of campaigns as plain data for JSON and TOML, and back.

A step is a table; its first word says what kind it is, and its name: `{"wait": "three_days", "lasting": "3d"}`. So does that
of a trigger: `{"event": "cart_updated", "key": "ref"}`, `{"date": "birth_date"}`, `{"cron": "0 9 * * mon"}`, `{"call": "api"}`.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import attrs

from crmcore.errors import InvalidCampaign
from crmcore.model.happens import Happens
from crmcore.model.steps import KIND_OF, KINDS, Arm, Step
from crmcore.model.triggers import OnCall, OnDate, OnSchedule, Trigger
from crmcore.model.values import from_plain, to_plain
from crmcore.model.wording import to_condition
from crmcore.store.plain import to_data, to_tree
from crmcore.store.plain_events import field_data, field_of
from crmcore.store.plain_nodes import Plain, strict_converter

Reading = Callable[[Any, str], Any]


def step_of(plain: Any, place: str) -> Step:
    """Return the step of plain data; raise InvalidCampaign or InvalidCondition."""
    kind = _kind(plain, KINDS, place)
    step: Step = _structured(KINDS[kind], plain, {kind: "name"}, place)
    return step


def step_data(step: Step) -> Plain:
    """Return a step as plain data; `step_of` gives it back."""
    data = _data(step)
    return {KIND_OF[type(step)]: data.pop("name"), **data}


def trigger_of(plain: Any, place: str) -> Trigger:
    """Return the trigger of plain data, or of the name of an event; raise InvalidCampaign."""
    if isinstance(plain, str):
        return Happens(event=plain)
    word = _kind(plain, _TRIGGERS, place)
    kind, named = _TRIGGERS[word]
    trigger: Trigger = _structured(kind, plain, {word: named}, place)
    return trigger


def trigger_data(trigger: Trigger) -> Plain:
    """Return a trigger as plain data."""
    word, named = next((word, named) for word, (kind, named) in _TRIGGERS.items() if isinstance(trigger, kind))
    data = _data(trigger)
    return {word: data.pop(named, getattr(trigger, named)), **data}


_TRIGGERS: dict[str, tuple[type[Any], str]] = {
    "event": (Happens, "event"),
    "date": (OnDate, "attribute"),
    "cron": (OnSchedule, "cron"),
    "call": (OnCall, "by"),
}


def happens_of(plain: Any, place: str) -> Happens:
    """Return the event of plain data, or of its name; raise InvalidCampaign."""
    if isinstance(plain, str):
        return Happens(event=plain)
    found: Happens = _structured(Happens, plain, {}, place)
    return found


def happens_data(event: Happens) -> Plain:
    """Return an event as plain data."""
    return _data(event)


def _kind(plain: Any, kinds: Iterable[str], place: str) -> str:
    if not isinstance(plain, Mapping):
        raise InvalidCampaign(name=place, problem=f"{plain!r} is no table")
    found = next((kind for kind in kinds if kind in plain), None)
    if found is None:
        given = str(next(iter(plain), ""))
        near = difflib.get_close_matches(given, list(kinds), 1)
        meant = f"; did you mean {near[0]}?" if near else ""
        raise InvalidCampaign(name=place, problem=f"{given!r} is none of {', '.join(kinds)}{meant}")
    return found


def _structured(kind: type[Any], plain: Any, renamed: Mapping[str, str], place: str) -> Any:
    from cattrs import transform_error

    if not isinstance(plain, Mapping):
        raise InvalidCampaign(name=place, problem=f"{plain!r} is no table")
    fields = {field.name: field for field in attrs.fields(attrs.resolve_types(kind))}
    given = {renamed.get(key, key): value for key, value in plain.items()}
    for unknown in sorted(given.keys() - fields.keys()):
        near = difflib.get_close_matches(unknown, fields, 1)
        meant = f"; did you mean {near[0]}?" if near else f"; known are {', '.join(fields)}"
        raise InvalidCampaign(name=place, problem=f"{unknown!r} does not belong here{meant}")
    for field in fields.values():
        if field.default is attrs.NOTHING and field.name not in given:
            raise InvalidCampaign(name=place, problem=f"{field.name} is missing")
    readers = _READ | {name: happens_of for name, field in fields.items() if field.type is Happens}
    read = {name: readers[name](value, f"{place}.{name}") for name, value in given.items() if name in readers}
    try:
        rest = {
            name: strict_converter().structure(value, fields[name].type or object)
            for name, value in given.items()
            if name not in readers
        }
    except Exception as error:
        raise InvalidCampaign(name=place, problem="; ".join(transform_error(error))) from error
    return kind(**read, **rest)


def _condition(plain: Any, place: str) -> Any:
    return to_condition(plain) if isinstance(plain, str) else to_tree(plain, place)


def _words(plain: Any, place: str) -> tuple[str, ...]:
    given = [plain] if isinstance(plain, str) else plain
    if not isinstance(given, list | tuple) or not all(isinstance(one, str) for one in given):
        raise InvalidCampaign(name=place, problem=f"{plain!r} is neither a text nor a list of texts")
    return tuple(given)


def _where(plain: Any, place: str) -> Any:
    if isinstance(plain, Mapping):
        return from_plain(plain)
    return tuple(field_of(one, f"{place}[{index}]") for index, one in enumerate(plain))


def _arms(plain: Any, place: str) -> tuple[Arm, ...]:
    return tuple(_structured(Arm, one, {}, f"{place}[{index}]") for index, one in enumerate(plain))


def _values(plain: Any, place: str) -> Any:
    if not isinstance(plain, Mapping):
        raise InvalidCampaign(name=place, problem=f"{plain!r} is no table")
    return from_plain(plain)


#: Fields that are read in a way of their own, whatever step has them.
_READ: dict[str, Reading] = {
    "condition": _condition,
    "channels": _words,
    "weekdays": _words,
    "tags": _words,
    "untags": _words,
    "where": _where,
    "arms": _arms,
    "attributes": _values,
    "fields": _values,
    "properties": _values,
    "settings": _values,
    "purpose": lambda plain, _: plain,
}


def _data(value: Any) -> Plain:
    """Return what is said of a value beyond its defaults."""
    said = {}
    for field in attrs.fields(type(value)):
        given = getattr(value, field.name)
        if field.default is attrs.NOTHING or given != _default(field):
            said[field.name] = _WRITTEN.get(field.name, _plain)(given)
    if "event" in said and isinstance(value.event, Happens):
        said["event"] = happens_data(value.event)
    return said


def _default(field: attrs.Attribute[Any]) -> Any:
    default: Any = field.default
    return default.factory() if isinstance(default, attrs.Factory) else default  # type: ignore[arg-type]  # attrs calls it a function


def _plain(value: Any) -> Any:
    if attrs.has(type(value)):
        return attrs.asdict(value, filter=lambda _, one: one is not None)
    return list(value) if isinstance(value, tuple) else value


def _field_list(fields: Any) -> list[Plain]:
    return [field_data(one) for one in fields]


_WRITTEN: dict[str, Callable[[Any], Any]] = {
    "condition": to_data,
    "where": _field_list,
    "arms": lambda arms: [_data(arm) for arm in arms],
    "ways": dict,
    "purpose": lambda purpose: None if purpose is None else purpose.value,
    **{
        name: (lambda values: to_plain(dict(values), "fields"))
        for name in ("attributes", "fields", "properties", "settings")
    },
}
