"""What sources send, added up from the log."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

from crmcore.errors import UndeclaredSource
from crmcore.flow.progress import Progress
from crmcore.model.comparing import Difference, differences
from crmcore.model.seen import SeenEvent, SeenField, SeenSource, Sightings
from crmcore.model.tracking import Source
from crmcore.store import declarations, seen, sources
from crmcore.store.scope import Scope

Key = TypeVar("Key")
SourceId = int | None


class _Tally:
    """What has been seen so far."""

    def __init__(self) -> None:
        self.events: dict[tuple[SourceId, str], Sightings] = {}
        self.columns: dict[tuple[SourceId, str], dict[str, int]] = {}
        self.fields: dict[tuple[SourceId, str], dict[tuple[str, str], Sightings]] = {}
        self.attributes: dict[SourceId, dict[tuple[str, str], Sightings]] = {}

    def add(self, shape: seen.Shape) -> None:
        """Add events of one shape."""
        key = (shape.source_id, shape.event)
        _add(self.events, key, shape.seen)
        columns = self.columns.setdefault(key, dict.fromkeys(shape.columns, 0))
        for column, count in shape.columns.items():
            columns[column] += count
        fields = self.fields.setdefault(key, {})
        for field in shape.types.items():
            _add(fields, field, shape.seen)

    def add_told(self, one: seen.Told) -> None:
        """Add values of one type of one attribute."""
        _add(self.attributes.setdefault(one.source_id, {}), (one.attribute, one.type), one.seen)

    def source_ids(self) -> set[SourceId]:
        """Return the sources that have sent something."""
        return {source for source, _ in self.events} | set(self.attributes)

    def source(self, source_id: SourceId, name: str | None, version: int | None) -> SeenSource:
        """Return what one source has sent."""
        events = (
            SeenEvent(
                name=key[1],
                seen=self.events[key],
                columns=self.columns[key],
                fields=tuple(_fields(self.fields[key])),
            )
            for key in sorted((key for key in self.events if key[0] == source_id), key=lambda key: key[1])
        )
        attributes = tuple(_fields(self.attributes.get(source_id, {})))
        return SeenSource(name=name, version=version, events=tuple(events), attributes=attributes)


def describe(scope: Scope, source: str | None, progress: Progress) -> list[SeenSource]:
    """Return what one source, or each, has sent; those that have declared something or sent something. Raise UnknownSource."""
    only = None if source is None else sources.source_id(scope, source)
    tally, done, total = _Tally(), 0, seen.count(scope, only)
    for shapes in seen.shapes(scope, only):
        for shape in shapes:
            tally.add(shape)
        done += sum(shape.seen.count for shape in shapes)
        progress(done, total)
    for told in seen.told(scope, only):
        for one in told:
            tally.add_told(one)
    return list(_sources(scope, tally, only))


def compare(scope: Scope, plan: Source | str | None, progress: Progress) -> list[Difference]:
    """Return where what was sent differs from a plan, or from what one source declares, or each."""
    plans = _plans(scope, plan)
    sent = {one.name: one for one in describe(scope, _only_name(scope, plans), progress)} if plans else {}
    return [found for one in plans for found in differences(one, sent.get(one.name, SeenSource(name=one.name)))]


def _plans(scope: Scope, plan: Source | str | None) -> list[Source]:
    if isinstance(plan, Source):
        return [plan]
    declared = {one.source.name: one.source for one in declarations.all_declared(scope)}
    if plan is None:
        return list(declared.values())
    sources.source_id(scope, plan)
    if plan not in declared:
        raise UndeclaredSource(name=plan)
    return [declared[plan]]


def _only_name(scope: Scope, plans: Sequence[Source]) -> str | None:
    """Where one source is asked for, the log of the others need not be read."""
    return plans[0].name if len(plans) == 1 and plans[0].name in sources.names(scope).values() else None


def _sources(scope: Scope, tally: _Tally, only: int | None) -> Iterator[SeenSource]:
    names = sources.names(scope)
    versions = {one.source.name: one.version for one in declarations.all_declared(scope)}
    wanted = tally.source_ids() | {one for one, name in names.items() if name in versions}
    for source_id in sorted(wanted, key=lambda one: ("", 0) if one is None else (names[one], 1)):
        if only is None or source_id == only:
            name = None if source_id is None else names[source_id]
            yield tally.source(source_id, name, None if name is None else versions.get(name))


def _fields(found: Mapping[tuple[str, str], Sightings]) -> Iterator[SeenField]:
    types: dict[str, dict[str, Sightings]] = {}
    for (name, kind), sightings in sorted(found.items(), key=lambda one: one[0]):
        types.setdefault(name, {})[kind] = sightings
    for name, of_types in types.items():
        yield SeenField(name=name, types=of_types)


def _add(tally: dict[Key, Sightings], key: Key, more: Sightings) -> None:
    known = tally.get(key)
    tally[key] = more if known is None else known + more
