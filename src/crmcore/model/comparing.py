"""Where what a source has sent differs from what it declares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

import attrs

from crmcore.model.seen import SeenEvent, SeenField, SeenSource
from crmcore.model.tracking import TYPES, EventPlan, FieldPlan, Fields, Source

__all__ = ["Difference", "differences"]

Kind = Literal["never seen", "undeclared", "type", "missing"]


@attrs.frozen(kw_only=True)
class Difference:
    """One difference: `place` is the event or field, `count` how many events or values are affected.

    What was declared and never seen may still come; every other kind says that statements like those in the log would be
    refused, or would be if the source did not take what is undeclared.
    """

    source: str
    kind: Kind
    place: str
    declared: str = ""
    seen: str = ""
    count: int = 0

    @property
    def is_contradiction(self) -> bool:
        """Whether the log contradicts the plan."""
        return self.kind != "never seen"


def differences(plan: Source, seen: SeenSource) -> list[Difference]:
    """Return what differs, the events first; what a plan leaves out altogether (all attributes, say) is not looked at."""
    found: list[Difference] = []
    if plan.events is not None:
        found += _of_events(plan.name, plan.events, {one.name: one for one in seen.events})
    if plan.attributes is not None:
        found += _of_fields(plan.name, "identify", plan.attributes, seen.attributes, total=None)
    return found


def _of_events(source: str, plans: Mapping[str, EventPlan], seen: Mapping[str, SeenEvent]) -> Iterator[Difference]:
    for name in sorted({*plans, *seen}):
        if name not in seen:
            yield Difference(source=source, kind="never seen", place=name, declared="event")
        elif name not in plans:
            yield Difference(source=source, kind="undeclared", place=name, seen="event", count=seen[name].seen.count)
        else:
            yield from _of_event(source, plans[name], seen[name])


def _of_event(source: str, plan: EventPlan, seen: SeenEvent) -> Iterator[Difference]:
    for column in plan.needs:
        if lacking := seen.seen.count - seen.columns[column]:
            place = f"{seen.name} {column}"
            yield Difference(source=source, kind="missing", place=place, declared="required", count=lacking)
    yield from _of_fields(source, seen.name, plan.fields, seen.fields, seen.seen.count)


def _of_fields(
    source: str, place: str, plans: Fields, seen: tuple[SeenField, ...], total: int | None
) -> Iterator[Difference]:
    """`total` is how many statements should have had the required ones; None where nobody counts."""
    found = {one.name: one for one in seen}
    for name in sorted({*plans, *found}):
        where = f"{place}.{name}"
        if name not in plans:
            count = sum(one.count for one in found[name].types.values())
            yield Difference(
                source=source, kind="undeclared", place=where, seen=", ".join(sorted(found[name].types)), count=count
            )
        else:
            yield from _of_field(source, where, plans[name], found.get(name), total)


def _of_field(
    source: str, place: str, plan: FieldPlan, seen: SeenField | None, total: int | None
) -> Iterator[Difference]:
    types = {} if seen is None else seen.types
    values = {kind: one.count for kind, one in types.items() if kind != "null"}
    if lacking := (total or 0) - sum(values.values()) if plan.required else 0:
        yield Difference(source=source, kind="missing", place=place, declared=f"{plan.type}, required", count=lacking)
    elif not types:
        yield Difference(source=source, kind="never seen", place=place, declared=plan.type)
    for kind in sorted(values.keys() - TYPES[plan.type]):
        yield Difference(source=source, kind="type", place=place, declared=plan.type, seen=kind, count=values[kind])
