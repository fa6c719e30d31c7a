"""Steps and triggers of campaigns as plain data for JSON and TOML, and back.

A step is a table; its first word says what kind it is, and its name: `{"wait": "three_days", "lasting": "3d"}`. So does that
of a trigger: `{"event": "cart_updated", "key": "ref"}`, `{"date": "birth_date"}`, `{"cron": "0 9 * * mon"}`, `{"call": "api"}`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, get_args

import attrs

from crmcore.errors import InvalidCampaign, InvalidCondition
from crmcore.model.happens import Happens
from crmcore.model.names import checked_name
from crmcore.model.steps import KIND_OF, KINDS, Arm, Step
from crmcore.model.triggers import OnCall, OnDate, OnSchedule, Trigger
from crmcore.model.values import from_plain, to_plain
from crmcore.model.verbs import purpose_of
from crmcore.model.wording import to_condition
from crmcore.store.plain import to_data, to_tree
from crmcore.store.plain_events import field_data, field_of
from crmcore.store.plain_nodes import Plain
from crmcore.store.plain_tables import Reading, list_of, near, table, typed, values_of, words


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


def table_of(kind: type[Any], plain: Any, place: str) -> Any:
    """Return the value of a kind (an attrs class) that a table says; raise InvalidCampaign."""
    return _structured(kind, plain, {}, place)


def _kind(plain: Any, kinds: Iterable[str], place: str) -> str:
    found = [kind for kind in kinds if kind in table(plain, place)]
    if len(found) > 1:
        raise InvalidCampaign(name=place, problem=f"{' and '.join(found)} are said at once; it is one of them")
    if not found:
        given = str(next(iter(plain), ""))
        raise InvalidCampaign(name=place, problem=f"{given!r} is none of {', '.join(kinds)}{near(given, kinds)}")
    return found[0]


def _structured(kind: type[Any], plain: Any, renamed: Mapping[str, str], place: str) -> Any:
    """`renamed` says which field a word stands for."""
    fields = {field.name: field for field in attrs.fields(attrs.resolve_types(kind))}
    words = {name: word for word, name in renamed.items()}
    known = {words.get(name, name): field for name, field in fields.items()}
    for unknown in sorted(table(plain, place).keys() - known.keys()):
        meant = near(unknown, known) or f"; known are {', '.join(known)}"
        raise InvalidCampaign(name=place, problem=f"{unknown!r} does not belong here{meant}")
    for word, field in known.items():
        if field.default is attrs.NOTHING and word not in plain:
            raise InvalidCampaign(name=place, problem=f"{word} is missing")
    return kind(**{known[word].name: _value(known[word], value, f"{place}.{word}") for word, value in plain.items()})


def _value(field: attrs.Attribute[Any], plain: Any, place: str) -> Any:
    inside = [one for one in (field.type, *get_args(field.type)) if isinstance(one, type) and attrs.has(one)]
    if Happens in inside:
        return happens_of(plain, place)
    if field.name in _READ:
        return _READ[field.name](plain, place)
    if inside and plain is not None:
        return table_of(inside[0], plain, place)
    return typed(field.type, plain, place)


def _condition(plain: Any, place: str) -> Any:
    if not isinstance(plain, str):
        return to_tree(plain, place)
    try:
        return to_condition(plain)
    except InvalidCondition as error:
        said = error.fields | {"place": f"{place}, {error.fields['place']}"}
        raise InvalidCondition(**said) from error


def _where(plain: Any, place: str) -> Any:
    return from_plain(plain) if isinstance(plain, Mapping) else tuple(list_of(field_of)(plain, place))


def _purpose(plain: Any, place: str) -> Any:
    return None if plain is None else purpose_of(plain, place)


def _event(plain: Any, place: str) -> str:
    if not isinstance(plain, str):
        raise InvalidCampaign(name=place, problem=f"{plain!r} is no name of an event")
    return checked_name(plain, "event", place)


#: Fields that are read in a way of their own, whatever step has them.
_READ: dict[str, Reading] = {
    "condition": _condition,
    "channels": words,
    "weekdays": words,
    "tags": words,
    "untags": words,
    "where": _where,
    "arms": list_of(partial(table_of, Arm)),
    "attributes": values_of,
    "fields": values_of,
    "properties": values_of,
    "settings": values_of,
    "purpose": _purpose,
    "event": _event,
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
