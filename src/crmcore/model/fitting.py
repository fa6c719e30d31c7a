"""Whether a statement fits the tracking plan of its source, and why not."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any

from crmcore.model.event import NO_PROPERTIES, Event
from crmcore.model.statement import Identify
from crmcore.model.tracking import QUARANTINE, TYPES, EventPlan, FieldPlan, Fields, Source, a_kind, advice
from crmcore.model.values import from_plain, kind_of_plain, to_json
from crmcore.model.wire import Statement

__all__ = ["problems", "reason"]

#: How many problems a reason tells of; how many names or values it lists; how much of a text it shows.
TOLD, LISTED, SHOWN = 5, 10, 60


def reason(source: Source, statement: Statement) -> str:
    """Return why a statement does not fit what its source declares; empty where it fits."""
    told = list(islice(problems(source, statement), TOLD + 1))
    return "; ".join([*told[:TOLD], "and more"] if len(told) > TOLD else told)


def problems(source: Source, statement: Statement) -> Iterator[str]:
    """Yield what does not fit: the event and field, what was declared, what was found, and the nearest declared name.

    Only events and identify statements are looked at.
    """
    if isinstance(statement, Event) and source.events is not None:
        yield from _of_event(source, source.events, statement)
    elif isinstance(statement, Identify) and source.attributes is not None:
        yield from _of_fields(source, source.attributes, statement.attributes, "identify")


def _of_event(source: Source, plans: Mapping[str, EventPlan], event: Event) -> Iterator[str]:
    plan = plans.get(event.name)
    if plan is None:
        if source.undeclared == QUARANTINE:
            yield f"{event.name} is not declared by the source {source.name!r} ({_meant(event.name, plans)})"
        return
    for column in plan.needs:
        if getattr(event, column) is None:
            yield f"{event.name} has no {column}, which is required"
    if plan.fields or event.properties != NO_PROPERTIES:
        yield from _of_fields(source, plan.fields, json.loads(event.properties), event.name)


def _of_fields(source: Source, plans: Fields, found: Mapping[str, Any], place: str) -> Iterator[str]:
    """`found` holds values, or what `to_plain` made of them."""
    for name, plan in plans.items():
        if name in found:
            yield from _of_value(plan, found[name], f"{place}.{name}")
        elif plan.required:
            yield f"{place}.{name} is missing, {a_kind(plan.type)} is required"
    if source.undeclared == QUARANTINE:
        for name in found:
            if name not in plans:
                yield f"{place}.{_short(name)} is not declared by the source {source.name!r} ({_meant(name, plans)})"


def _of_value(plan: FieldPlan, plain: Any, place: str) -> Iterator[str]:
    kind = kind_of_plain(plain)
    if kind == "null":
        if plan.required:
            yield f"{place} is null, {a_kind(plan.type)} is required"
    elif kind not in TYPES[plan.type]:
        yield f"{place} is {a_kind(kind)} ({_shown(plain)}), {a_kind(plan.type)} is declared{advice(plan.type, kind)}"
    elif not plan.allows(from_plain(plain)):
        yield f"{place} is {_shown(plain)}, allowed are {_listed([_shown(one) for one in plan.allowed])}"


def _shown(plain: Any) -> str:
    value = from_plain(plain)
    match kind_of_plain(plain):
        case "text":
            return repr(_short(value))
        case "json":
            return _short(to_json(value, "value"))
        case "decimal":
            return f"{value.normalize():f}"
        case "time" | "date":
            return str(value.isoformat())
    return str(value)


def _short(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def _meant(name: str, known: Iterable[str]) -> str:
    return _meant_of(_short(name), tuple(known))


@lru_cache(maxsize=1024)
def _meant_of(name: str, known: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(name, known, 1)
    if near:
        return f"did you mean {near[0]}?"
    return f"declared are {_listed(sorted(known))}" if known else "it declares none"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return f"{', '.join(names[:LISTED])}{more}"
